// Wheel, pinch, drag and double click on the image; everything starts over with the next one.

const NEAREST = 8;
const STEP = 2.5;

export class Zoom {
  constructor(stage, image, label) {
    Object.assign(this, { stage, image, label, pointers: new Map() });
    this.reset();
    stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.toggle(this.point(event)));
    stage.addEventListener("pointerdown", (event) => this.onDown(event));
    stage.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
  }

  reset() {
    this.scale = 1;
    this.x = this.y = 0;
    this.apply();
  }

  toggle(point = { x: 0, y: 0 }) {
    if (this.scale > 1) this.reset();
    else this.scaleAt(STEP, point);
  }

  // Where an event is, from the middle of the stage.
  point(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }

  scaleAt(factor, point) {
    const scale = Math.min(NEAREST, Math.max(1, this.scale * factor));
    const change = scale / this.scale;
    this.x = point.x - (point.x - this.x) * change;
    this.y = point.y - (point.y - this.y) * change;
    this.scale = scale;
    this.apply();
  }

  onWheel(event) {
    event.preventDefault();
    this.scaleAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.06 : 0.002)), this.point(event));
  }

  onDown(event) {
    this.pointers.set(event.pointerId, this.point(event));
    this.stage.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.point(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const distance = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
      this.scaleAt(distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else {
      this.x += now.x - before.x;
      this.y += now.y - before.y;
      this.apply();
    }
    this.pointers.set(event.pointerId, now);
  }

  apply() {
    const limit = (side) => (side * (this.scale - 1)) / 2;
    this.x = Math.min(limit(this.stage.clientWidth), Math.max(-limit(this.stage.clientWidth), this.x));
    this.y = Math.min(limit(this.stage.clientHeight), Math.max(-limit(this.stage.clientHeight), this.y));
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.stage.classList.toggle("near", this.scale > 1);
    this.label.hidden = this.scale === 1;
    this.label.textContent = `${this.scale.toFixed(1)} ×`;
  }
}
