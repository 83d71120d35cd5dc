// The dashboard of a training run. The kernel says how it stands; the two buttons ask it to stop and to go on.

const PATIENCE = 3000; // ms without an answer before the page says that the kernel does not hear it
const REST = 5000; // ms between two things that a screen reader is told while a run goes on

const RUNNING = ["preparing", "running"];
const BUSY =
  "The kernel does not answer while a cell runs: interrupt the kernel (\u25a0 in the toolbar) instead. The run stops, and its state is kept.";

function button(parent, label, onPress) {
  const node = make("button", "", parent, label);
  node.type = "button";
  node.addEventListener("click", onPress);
  return node;
}

// A button that is switched off loses the focus; whoever uses the keyboard stays in place on the other one.
function switchButtons(stop, resume, state) {
  const held = document.activeElement;
  stop.disabled = !RUNNING.includes(state);
  resume.disabled = state !== "stopped";
  if (held === stop && stop.disabled && !resume.disabled) resume.focus();
  if (held === resume && resume.disabled && !stop.disabled) stop.focus();
}

function sampleRow(parent, className, label) {
  const row = make("tr", className, parent);
  make("th", "", row, label).scope = "row";
  return make("td", "", row);
}

function showSamples(table, samples) {
  table.hidden = samples.length === 0;
  table.replaceChildren();
  make("caption", "", table, "The same sentences at the last validations (underlined: new since the one before)");
  for (const { source, reference, said } of samples) {
    const body = make("tbody", "", table);
    sampleRow(body, "course-source", "source").textContent = source;
    sampleRow(body, "", "reference").textContent = reference;
    for (const { step, words, right } of said) {
      const cell = sampleRow(body, "course-said", `update ${step.toLocaleString("en")}`);
      words.forEach(([text, changed], i) => {
        if (i) cell.append(" ");
        make(changed ? "mark" : "span", "", cell, text);
      });
      if (right) make("span", "course-right", cell, " \u2713 as the reference");
    }
  }
}

function render({ model, el }) {
  const root = make("div", "course-widget course-dashboard", el);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `Training of ${model.get("title")}`);
  const head = make("div", "course-head", root);
  make("span", "course-title", head, `Training of ${model.get("title")}`);
  let asked, patience, rest;

  const press = (name) => {
    model.send({ press: name });
    asked = name;
    clearTimeout(patience);
    patience = setTimeout(() => { waiting.hidden = false; }, PATIENCE);
    showState();
  };
  const onHeard = () => {
    clearTimeout(patience);
    waiting.hidden = true;
  };
  const stop = model.get("live") && button(head, "Stop", () => press("stop"));
  const resume = model.get("live") && button(head, "Resume", () => press("resume"));
  const bar = make("progress", "", root);
  bar.max = 1;
  bar.setAttribute("aria-label", "Part of the run that is done");
  const told = make("p", "course-told", root);
  const waiting = make("p", "course-waiting", root, BUSY);
  waiting.setAttribute("role", "alert");
  const notes = make("p", "course-notes", root);
  const figure = make("figure", "", root);
  const error = make("pre", "course-error", figure);
  error.setAttribute("role", "alert");
  const image = make("img", "", figure);
  const table = make("table", "", root);
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");

  const speak = () => {
    rest = undefined;
    spoken.textContent = model.get("told");
  };
  const showState = () => {
    const state = model.get("state");
    if ((asked === "stop") !== RUNNING.includes(state)) asked = undefined; // it has been done
    if (!asked) onHeard();
    told.textContent = asked === "stop" ? "Stopping after this update." : model.get("told");
    if (state === "preparing") bar.removeAttribute("value"); // how long it takes is not known
    else bar.value = model.get("progress");
    if (stop) switchButtons(stop, resume, state);
    if (!RUNNING.includes(state)) {
      clearTimeout(rest);
      speak();
    } else if (!rest) rest = setTimeout(speak, REST);
  };
  const showRest = () => {
    notes.textContent = model.get("notes");
    notes.hidden = notes.textContent === "";
    error.textContent = model.get("error");
    error.hidden = error.textContent === "";
  };
  const showFrame = () => {
    showPicture(model, image);
    showSamples(table, model.get("samples"));
  };
  const listeners = {
    "change:state": showState, "change:told": showState, "change:progress": showState,
    "msg:custom": onHeard, "change:notes": showRest, "change:error": showRest, "change:drawn": showFrame,
  };
  keepKeys(root);
  showState();
  showRest();
  showFrame();
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  return () => {
    clearTimeout(patience);
    clearTimeout(rest);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    if (image.src) URL.revokeObjectURL(image.src);
  };
}

export default { render };
