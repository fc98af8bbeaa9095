// The labelling page: one image at a time, every step by one key.

import { Pace, Stopwatch } from "./clocks.js";
import { Outbox } from "./outbox.js";
import { Work } from "./work.js";
import { Zoom } from "./zoom.js";

const AHEAD = 5;
const by = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const session = crypto.randomUUID();
const watch = new Stopwatch();
const pace = new Pace();
const zoom = new Zoom(by("stage"), by("image"), by("zoom"));
const ahead = new Map();

let state, work, outbox;
let chosen = new Set();
let isShown = false;
let refusal = "";

// ---- asking the server

async function ask(place) {
  const response = await fetch(place);
  const said = await response.json();
  if (!response.ok) throw new Error(said.error);
  return said;
}

async function start() {
  const annotator = asked.get("annotator");
  if (!annotator) return welcome();
  const queue = asked.get("queue") ?? "tasks";
  state = await ask(`state?${new URLSearchParams({ annotator, queue })}`);
  work = new Work(state);
  outbox = new Outbox(annotator, tellSaved, refused);
  outbox.events.forEach(addNow);
  dress();
  tellSaved({ waiting: outbox.events.length, problem: "" });
  outbox.send();
  go(work.nextOpen(0));
}

// The server says when an event was written; until then it is the newest.
function addNow(event) {
  work.add({ ...event, at: new Date().toISOString() });
}

function visit(changes) {
  location.search = new URLSearchParams({ ...Object.fromEntries(asked), ...changes });
}

async function welcome() {
  const { people } = await ask("people");
  by("people").replaceChildren(...people.map(({ name, answered }) => {
    const button = make("button", name, { type: "button" });
    button.append(make("span", `${answered} answered`));
    button.onclick = () => visit({ annotator: name });
    return button;
  }));
  by("welcome").showModal();
  by("name").focus();
}

// ---- drawing

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  return element;
}

const isFast = () => state.criteria.length === 1;
const titles = () => new Map([...state.criteria, state.none].map(({ name, title }) => [name, title]));
const inWords = (choices) => choices.map((name) => titles().get(name)).join(", ");

function dress() {
  document.body.classList.add("ready");
  by("who").textContent = state.annotator;
  by("queue").replaceChildren(...state.queues.map(({ name, title, count }) => {
    const option = make("option", `${title} (${count})`, { value: name });
    option.selected = name === state.queue;
    return option;
  }));
  by("question").textContent = state.question;
  by("choices").replaceChildren(
    ...state.criteria.map((criterion, at) => choice(criterion, at < 9 ? `${at + 1}` : "", "")),
    choice(state.none, "0", "none"),
  );
  by("next-command").textContent = state.next_command;
  by("confirm").hidden = isFast();
  if (state.repair) tellAlert(`${state.repair}; no other answer is affected.`);
}

function choice({ name, title }, key, kind) {
  const button = make("button", "", { type: "button", class: `choice ${kind}`, "aria-pressed": "false" });
  button.dataset.name = name;
  if (key) button.append(make("kbd", key));
  button.append(make("span", title), make("span", "", { class: "mark", "aria-hidden": "true" }));
  button.onclick = () => choose(name);
  return button;
}

function drawChoices() {
  for (const button of by("choices").children) {
    button.setAttribute("aria-pressed", chosen.has(button.dataset.name));
    button.disabled = !isShown;
  }
  by("confirm").disabled = !isShown || !chosen.size;
}

function drawItem() {
  const { suggestion, reasons } = work.item;
  by("suggestion").hidden = !suggestion;
  if (suggestion) {
    by("suggested").textContent = inWords(suggestion.choices);
    by("sureness").textContent = suggestion.score === null ? "" : `${Math.round(suggestion.score * 100)} % sure`;
  }
  by("reasons").hidden = !reasons.length;
  by("reasons").querySelector("ul").replaceChildren(...reasons.map((reason) => make("li", reason)));
}

function drawProgress() {
  const [done, all] = [work.doneCount, work.items.length];
  const share = all ? (100 * done) / all : 100;
  by("progress").setAttribute("aria-valuenow", Math.round(share));
  by("progress").firstElementChild.style.width = `${share}%`;
  by("count").textContent = `${done} of ${all}`;
  by("rate").textContent = pace.say(all - done);
  by("undo").disabled = !work.undoable;
  by("back").disabled = work.place <= 0;
  by("forward").disabled = work.place >= work.items.length - 1;
}

function hint(text, isUrgent = false) {
  by("hint").textContent = text;
  by("hint").classList.toggle("urgent", isUrgent);
}

function usualHint() {
  const before = work.last(work.item.image_id);
  if (before?.event === "answer") return `You answered: ${inWords(before.choices)}`;
  if (before?.event === "skip") return "You skipped this image";
  const last = Math.min(9, state.criteria.length);
  return isFast() ? "1 for yes, 0 for no" : `Keys 1 to ${last}, 0 for ${state.none.title}`;
}

function announce(text) { by("live").textContent = text; }

function tellSaved({ waiting, problem }) {
  by("saved").textContent = waiting ? `${waiting} not saved yet` : "All saved";
  by("saved").classList.toggle("waiting", waiting > 0);
  const keep = waiting === 1 ? "1 answer waits" : `${waiting} answers wait`;
  tellAlert(problem ? `${problem} ${keep} in this page and will be sent again; leave it open.` : refusal);
}

function tellAlert(text) {
  if (by("alert").textContent !== text) by("alert").textContent = text;
  by("alert").hidden = !text;
}

function refused(event, why) {
  refusal = `An answer was not taken: ${why}`;
  work.standing = work.standing.filter((one) => one.id !== event.id);
  work.latest = null;
  drawProgress();
}

// ---- moving

function go(place) {
  by("done").hidden = place >= 0;
  by("image").hidden = true;
  isShown = false;
  if (place < 0) return finish();
  work.place = place;
  const before = work.last(work.item.image_id);
  chosen = new Set(before?.choices ?? []);
  zoom.reset();
  drawItem();
  drawProgress();
  drawChoices();
  hint(usualHint());
  return show(work.item);
}

function finish() {
  const skipped = work.items.filter((item) => work.last(item.image_id)?.event === "skip").length;
  work.place = work.items.length;
  by("summary").textContent = `${work.items.length - skipped} answered, ${skipped} skipped`;
  by("suggestion").hidden = by("reasons").hidden = true;
  by("unseeable").hidden = true;
  chosen = new Set();
  drawProgress();
  drawChoices();
  hint("");
  delete document.body.dataset.image;
  announce("All done");
}

function load(imageId) {
  if (!ahead.has(imageId)) {
    const image = new Image();
    image.src = `image/${imageId}`;
    ahead.set(imageId, image);
  }
  return ahead.get(imageId);
}

async function show(item) {
  by("unseeable").hidden = true;
  const loaded = load(item.image_id);
  const failure = await loaded.decode().then(() => "", () => "This image cannot be shown; S skips it.");
  if (work.item !== item) return;
  by("unseeable").textContent = failure;
  by("unseeable").hidden = !failure;
  if (!failure) by("image").src = loaded.src;
  by("image").hidden = Boolean(failure);
  by("image").alt = `Image ${work.place + 1} of ${work.items.length}`;
  isShown = !failure;
  drawChoices();
  watch.restart();
  document.body.dataset.image = item.image_id;
  announce(`Image ${work.place + 1} of ${work.items.length}. ${by("suggestion").hidden ? "" : `Suggestion: ${by("suggested").textContent}`}`);
  prefetch();
}

function prefetch() {
  const wanted = [];
  for (let at = work.place; at < work.items.length && wanted.length <= AHEAD; at += 1) wanted.push(work.items[at].image_id);
  wanted.forEach(load);
  [...ahead.keys()].filter((id) => !wanted.includes(id)).forEach((id) => ahead.delete(id));
}

// ---- what a person does

function choose(name) {
  if (!isShown) return;
  if (isFast()) {
    chosen = new Set([name]);
    return confirm();
  }
  const stays = name === state.none.name ? [] : [...chosen].filter((one) => one !== state.none.name && one !== name);
  chosen = new Set(chosen.has(name) ? stays : [...stays, name]);
  drawChoices();
  hint(usualHint());
}

function record(event, fields) {
  const made = {
    id: crypto.randomUUID(), annotator: state.annotator, event, choices: [], session, lead_time_s: watch.seconds, ...fields,
  };
  addNow(made);
  outbox.add(made);
}

function confirm() {
  if (!isShown) return;
  if (!chosen.size) return hint(isFast() ? "Press 1 for yes or 0 for no" : `Choose first: keys 1 to ${Math.min(9, state.criteria.length)}, or 0`, true);
  const names = [...titles().keys()];
  const choices = [...chosen].sort((a, b) => names.indexOf(a) - names.indexOf(b));
  const before = work.isDone(work.item) ? work.last(work.item.image_id).choices : [];
  if (before.join() !== choices.join()) {
    record("answer", { image_id: work.item.image_id, choices });
    pace.tick();
  }
  go(work.nextOpen(work.place + 1));
}

function skip() {
  if (!work.item) return;
  record("skip", { image_id: work.item.image_id });
  pace.tick();
  go(work.nextOpen(work.place + 1));
}

function undo() {
  const event = work.undoable;
  if (!event) return;
  record("undo", { image_id: event.image_id, undoes: event.id, lead_time_s: null });
  go(work.places.get(event.image_id)).then(() => announce("Taken back. " + by("live").textContent));
}

function takeOver() {
  if (!isShown || !work.item.suggestion) return;
  chosen = new Set(work.item.suggestion.choices);
  if (isFast()) confirm();
  else drawChoices();
}

function step(distance) {
  const place = work.place + distance;
  if (place >= 0 && place < work.items.length) go(place);
}

// ---- keys and buttons

const KEYS = {
  Enter: confirm, " ": confirm, a: takeOver, s: skip, u: undo, z: () => zoom.toggle(),
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), Escape: () => zoom.reset(),
};

function onDigit(digit) {
  const name = digit === 0 ? state.none.name : state.criteria[digit - 1]?.name;
  if (name) choose(name);
}

function onKey(event) {
  if (!work || by("welcome").open || event.altKey || event.metaKey || event.ctrlKey) return;
  const isOnControl = event.target.closest("button, select, input");
  if (isOnControl && ["Enter", " "].includes(event.key)) return;
  if (event.target.closest("select, input")) return;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  const action = digit === undefined ? KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key] : () => onDigit(Number(digit));
  if (!action) return;
  event.preventDefault();
  if (!event.repeat || event.key.startsWith("Arrow")) action();
}

const BUTTONS = { confirm, skip, undo, take: takeOver, back: () => step(-1), forward: () => step(1), magnify: () => zoom.toggle() };
Object.entries(BUTTONS).forEach(([id, action]) => by(id).addEventListener("click", action));
by("who").onclick = welcome;
by("queue").onchange = (event) => visit({ queue: event.target.value });
by("welcome").querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  visit({ annotator: by("name").value.trim() });
};
document.addEventListener("keydown", onKey);
// After a click the keys go on working: Enter confirms, it does not press that button again.
document.addEventListener("click", (event) => event.detail && event.target.closest("main button")?.blur());
addEventListener("beforeunload", (event) => outbox?.events.length && event.preventDefault());
start().catch((error) => tellAlert(error.message === "Failed to fetch" ? "The labelling server does not answer." : error.message));
