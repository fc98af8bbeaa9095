import ipaddress

import pytest

from cosmop.collecting.web.addresses import is_public

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16
169.254.169.254 172.16.0.1 172.31.255.1 192.0.0.1 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1
192.88.99.1 192.168.1.1 192.175.48.1 198.18.0.1 198.19.255.1 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::808:808 100::1 100:0:0:1::1 2001::1 2001:db8::1
2001:20::1 2002:7f00:1:: 2002:a00:1:: 2002:808:808:: 2620:4f:8000::1 3fff::1 5f00::1 fc00::1
fd00:ec2::254 fe80::1 fe80::1%eth0 2606:4700::1111%eth0 fec0::1 ff02::1 ff0e::1 4000::1
2001:0:4136:e378:8000:63bf:80ff:fffe 2001:0:808:808:8000:63bf:f7f7:f7f7
"""
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 172.15.255.255
172.32.0.0 168.63.129.15 191.255.255.255 198.17.255.255 198.20.0.0 223.255.255.255
2606:4700::1111 2001:4860:4860::8888 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::808:808
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_that_is_no_web_server_of_the_internet_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_is_let_through(address):
    assert is_public(address)


def test_nothing_is_public_that_python_does_not_call_global(chance):
    """Of addresses all over, and of those beside the borders of every special network."""
    v4 = [ipaddress.IPv4Address(int(n)) for n in chance.integers(0, 1 << 32, 5000)]
    words = chance.integers(0, 1 << 16, (5000, 8))
    words[::2, 0] = 0x2001
    words[::2, 1] %= 0x400
    v6 = [ipaddress.IPv6Address(":".join(f"{w:x}" for w in row)) for row in words]

    let_through = [a for a in (*v4, *v6) if is_public(str(a))]

    assert 4000 < len([a for a in let_through if a.version == 4])
    assert len([a for a in let_through if a.version == 6]) > 1000
    assert all(a.is_global and not a.is_multicast and not a.is_reserved for a in let_through)


def test_what_is_no_address_is_not_judged():
    with pytest.raises(ValueError, match="does not appear to be"):
        is_public("example.org")
