// What was done to which image: the page's own copy of the annotator's log.

export class Work {
  constructor({ items, history, since }) {
    this.items = items;
    this.since = since;
    this.places = new Map(items.map((item, place) => [item.image_id, place]));
    this.standing = [];
    history.forEach((event) => this.add(event));
    this.place = 0;
  }

  get item() { return this.items[this.place]; }

  add(event) {
    if (event.event === "undo") this.standing = this.standing.filter((one) => one.id !== event.undoes);
    else this.standing.push(event);
    this.latest = null;
  }

  // The event that counts for an image.
  last(imageId) {
    this.latest ??= new Map(this.standing.map((event) => [event.image_id, event]));
    return this.latest.get(imageId);
  }

  isDone(item) {
    const event = this.last(item.image_id);
    return event !== undefined && event.at >= this.since;
  }

  get doneCount() { return this.items.filter((item) => this.isDone(item)).length; }

  // The next image without an answer, looked for round the list; -1 when there is none.
  nextOpen(from) {
    const order = [...this.items.keys()];
    return [...order.slice(from), ...order.slice(0, from)].find((at) => !this.isDone(this.items[at])) ?? -1;
  }

  // What undo would take back: the last event about an image of this list.
  get undoable() { return this.standing.findLast((event) => this.places.has(event.image_id)); }
}
