// Two clocks: how long an image has been looked at, and how fast the work goes.

const LONGEST_PAUSE_MS = 60_000;

// Stands still while the page is hidden.
export class Stopwatch {
  constructor() {
    this.restart();
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.go()));
  }

  restart() {
    this.passed = 0;
    this.from = performance.now();
  }

  pause() { this.passed = this.ms; this.from = null; }
  go() { this.from ??= performance.now(); }

  get ms() { return this.passed + (this.from === null ? 0 : performance.now() - this.from); }
  get seconds() { return Math.max(0.001, Math.round(this.ms) / 1000); }
}

// Images per minute in this sitting; a long pause does not count as work.
export class Pace {
  constructor() {
    this.last = performance.now();
    this.worked = 0;
    this.count = 0;
  }

  tick() {
    const now = performance.now();
    this.worked += Math.min(now - this.last, LONGEST_PAUSE_MS);
    this.last = now;
    this.count += 1;
  }

  say(left) {
    if (this.count < 3) return "";
    const perMinute = this.count / (this.worked / 60_000);
    const minutes = Math.ceil(left / perMinute);
    const rest = left ? `, about ${minutes} min left` : "";
    return `${perMinute < 10 ? perMinute.toFixed(1) : Math.round(perMinute)} per minute${rest}`;
  }
}
