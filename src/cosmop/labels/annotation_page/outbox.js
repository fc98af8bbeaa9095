// Answers on their way to the log: kept here, and in the browser's storage, until it has them.

const STORE = "cosmop-unsent";
const RETRY_MS = 2000;

function stored() {
  try { return JSON.parse(localStorage.getItem(STORE)) ?? []; } catch { return []; }
}

function store(events) {
  try { localStorage.setItem(STORE, JSON.stringify(events)); } catch { /* then only this page has them */ }
}

export class Outbox {
  // onChange({waiting, problem}) is called whenever either changes; onRefused(event, why) when
  // the server will never take an event.
  constructor(annotator, onChange, onRefused) {
    this.events = stored().filter((event) => event.annotator === annotator);
    this.onChange = onChange;
    this.onRefused = onRefused;
    this.problem = "";
    this.busy = false;
  }

  add(event) {
    this.events.push(event);
    store([...stored(), event]);
    this.send();
  }

  async send() {
    if (this.busy) return;
    this.busy = true;
    while (this.events.length) {
      this.tell(this.problem);
      const why = await this.post(this.events[0]);
      if (why) {
        this.tell(why);
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
    this.busy = false;
    this.tell("");
  }

  tell(problem) {
    this.problem = problem;
    this.onChange({ waiting: this.events.length, problem });
  }

  // Returns why the event is still here, or nothing when it has left.
  async post(event) {
    let response, said;
    try {
      response = await fetch("events", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(event),
      });
      said = await response.json();
    } catch {
      return "The labelling server does not answer. Start kedro annotate again, with the same --port if you gave one.";
    }
    if (response.status === 403 || response.status >= 500) return said.error;
    this.remove(event);
    if (!response.ok) this.onRefused(event, said.error);
    return "";
  }

  remove(event) {
    this.events.shift();
    store(stored().filter((other) => other.id !== event.id));
  }
}
