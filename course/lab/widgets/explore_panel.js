// Controls, and the picture that the kernel draws of their values.
//
// The model sends a change only when the kernel has finished with the one before, and keeps the newest one meanwhile;
// so a fast hand skips pictures instead of queueing them.

const PATIENCE = 3000; // ms without an answer before the panel says that it waits
const PAUSE = 700; // ms of rest before the new picture is described to a screen reader

function sliderRow(control, onMove) {
  const input = make("input");
  Object.assign(input, { type: "range", min: 0, max: control.choices.length - 1, step: 1 });
  const shown = make("output");
  const show = (index) => {
    const text = String(control.choices[index]);
    if (Number(input.value) !== index) input.value = index;
    input.setAttribute("aria-valuetext", text);
    shown.textContent = text;
  };
  input.addEventListener("input", () => {
    show(Number(input.value));
    onMove(Number(input.value));
  });
  return { input, shown, show };
}

function checkboxRow(control, onMove) {
  const input = make("input");
  input.type = "checkbox";
  input.addEventListener("change", () => onMove(Number(input.checked)));
  return { input, shown: make("output"), show: (index) => { input.checked = Boolean(index); } };
}

function dropdownRow(control, onMove) {
  const input = make("select");
  for (const choice of control.choices) make("option", "", input, choice);
  input.addEventListener("change", () => onMove(input.selectedIndex));
  return { input, shown: make("output"), show: (index) => { input.selectedIndex = index; } };
}

const ROWS = { slider: sliderRow, checkbox: checkboxRow, dropdown: dropdownRow };
const OWN = Math.random().toString(36).slice(2); // each panel of a page has a module of its own ...
let rowsMade = 0; // ... so that a count alone would give the same id to a control of every panel

function buildControls(model, parent, onChoice) {
  const shows = {};
  for (const control of model.get("controls")) {
    const row = ROWS[control.kind](control, (index) => onChoice(control.name, index));
    row.input.id = `course-control-${OWN}-${(rowsMade += 1)}`;
    row.input.dataset.name = control.name;
    const label = make("label", "", parent);
    label.htmlFor = row.input.id;
    make("code", "", label, control.name);
    row.shown.setAttribute("for", row.input.id);
    row.shown.setAttribute("aria-live", "off"); // the slider itself speaks its value
    parent.append(row.input, row.shown);
    shows[control.name] = row.show;
  }
  return () => {
    const choice = model.get("choice");
    for (const name of Object.keys(shows)) shows[name](choice[name]);
  };
}

function render({ model, el }) {
  const root = make("div", "course-widget course-explore", el);
  const controls = make("div", "course-controls", root);
  if (model.get("runs_on")) make("p", "course-runs", root, `Running on: ${model.get("runs_on")}`);
  const figure = make("figure", "", root);
  const image = make("img", "", figure);
  const markup = make("div", "course-markup", figure);
  const error = make("pre", "course-error", figure);
  error.setAttribute("role", "alert");
  const waiting = make("p", "course-waiting", root, "Waiting for the kernel: it is busy, or not running.");
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");
  let patience, pause;

  const showChoice = buildControls(model, controls, (name, index) => {
    clearTimeout(patience);
    patience = setTimeout(() => { waiting.hidden = false; }, PATIENCE);
    model.set("choice", { ...model.get("choice"), [name]: index });
    model.save_changes();
  });
  const showFrame = () => {
    showPicture(model, image);
    showMarkup(markup, model.get("markup"), model.get("alt"));
    error.hidden = model.get("error") === "";
    error.textContent = model.get("error");
  };
  const onDrawn = () => {
    clearTimeout(patience);
    clearTimeout(pause);
    waiting.hidden = true;
    showFrame();
    pause = setTimeout(() => { spoken.textContent = model.get("alt"); }, PAUSE);
  };
  keepKeys(root);
  waiting.hidden = true;
  showChoice();
  showFrame();
  if (window.devicePixelRatio > 1 && model.get("density") === 1 && !model.get("markup")) {
    model.set("density", 2); // this screen shows twice the pixels
    model.save_changes();
  }
  model.on("change:choice", showChoice);
  model.on("change:drawn", onDrawn);
  return () => {
    clearTimeout(patience);
    clearTimeout(pause);
    model.off("change:choice", showChoice);
    model.off("change:drawn", onDrawn);
    if (image.src) URL.revokeObjectURL(image.src);
  };
}

export default { render };
