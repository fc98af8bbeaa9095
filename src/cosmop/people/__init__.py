"""The person filter: a ResNeXt classifier that says whether an image shows people."""
