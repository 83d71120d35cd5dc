// A decoder's mask, built by switches; weights, row sums and leaks follow. All of it runs here, without a kernel.

const REST = 400; // ms of rest before the summary is spoken
const LEAST = 0.005; // what two decimals show as 0.00

// ---- What the settings make of a sentence; `built_masks` beside this file takes the same steps. ----

function built(words, known, length, width, settings) {
  const empty = width - length;
  const positions = [...Array(width).keys()];
  const first = settings.side === "left" ? empty : 0;
  const real = positions.map((t) => t >= first && t < first + length);
  const [pad, stranger] = known.slice(-2);
  const x = positions.map((t) => (real[t] ? known[t - first] : pad));
  const mask = positions.map((i) => positions.map((j) => isTrue(i, j, real, settings)));
  const allowed = mask.map((row) => row.map((cell) => cell === settings.true_means_may));
  const { weights, outputs } = attend(x, allowed);
  const moved = positions.map((j) => {
    const changed = x.map((vector, t) => (t === j ? stranger : vector));
    return attend(changed, allowed).outputs.map((output, i) => Math.max(...output.map((number, axis) => Math.abs(number - outputs[i][axis]))));
  });
  const most = (i, counts) => (real[i] ? Math.max(0, ...positions.filter(counts).map((j) => moved[j][i])) : 0);
  return {
    words: positions.map((t) => (real[t] ? words[t - first] : "<pad>")),
    real, mask, allowed, weights,
    rule: positions.map((i) => positions.map((j) => j <= i && real[j])),
    future: positions.map((i) => most(i, (j) => j > i && real[j])),
    pads: positions.map((i) => most(i, (j) => !real[j])),
  };
}

function isTrue(i, j, real, { causal, shift, pads, joined }) {
  const past = !causal || j <= i + shift;
  const word = pads === "nowhere" || real[pads === "keys" ? j : i];
  return joined === "and" ? past && word : past || word;
}

// Match, scale, softmax, mix; queries, keys and values are the vectors themselves. An empty row gives zeros.
function attend(x, allowed) {
  const weights = x.map((query, i) => {
    const scores = x.map((key, j) => (allowed[i][j] ? query.reduce((sum, number, axis) => sum + number * key[axis], 0) / Math.sqrt(query.length) : -Infinity));
    const highest = Math.max(...scores);
    const powers = scores.map((score) => (highest === -Infinity ? 0 : Math.exp(score - highest)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => (total > 0 ? power / total : 0));
  });
  const outputs = weights.map((row) => x[0].map((_, axis) => row.reduce((sum, weight, j) => sum + weight * x[j][axis], 0)));
  return { weights, outputs };
}

// ---- Controls ----

const NAMES = ["lengths", "side", "causal", "shift", "pads", "joined", "true_means_may"];
const read = (model) => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));

function inGrid(parent, text, input) {
  input.id = freshId();
  const label = make("label", "", parent, text);
  label.htmlFor = input.id;
  const place = make("span", "course-control", parent);
  place.append(input);
  return place;
}

function slider(parent, text, low, high, onMove, say = String) {
  const input = make("input");
  Object.assign(input, { type: "range", min: low, max: high, step: 1 });
  const place = inGrid(parent, text, input);
  const shown = make("output", "", place);
  shown.setAttribute("aria-live", "off");
  input.addEventListener("input", () => onMove(Number(input.value)));
  return (value) => {
    if (Number(input.value) !== value) input.value = value;
    input.setAttribute("aria-valuetext", say(value));
    shown.textContent = say(value);
  };
}

function checkbox(parent, text, onMove) {
  const input = make("input");
  input.type = "checkbox";
  inGrid(parent, text, input);
  input.addEventListener("change", () => onMove(input.checked));
  return (value) => { input.checked = value; };
}

function dropdown(parent, text, choices, onMove) {
  const input = make("select");
  for (const [value, words] of choices) make("option", "", input, words).value = value;
  inGrid(parent, text, input);
  input.addEventListener("change", () => onMove(input.value));
  return (value) => { input.value = value; };
}

const shifts = (value) => (value === 0 ? "0" : `${value > 0 ? "+" : "\u2212"}${Math.abs(value)}`);

function buildControls(parent, model, change) {
  const left = make("div", "course-controls", parent);
  const right = make("div", "course-controls", parent);
  const longest = model.get("sentences").map((sentence) => sentence.length);
  const length = (i, value) => change("lengths", model.get("lengths").map((old, at) => (at === i ? value : old)));
  const shows = [
    [slider(left, "words of sentence 1", 1, longest[0], (value) => length(0, value)), ({ lengths }) => lengths[0]],
    [slider(left, "words of sentence 2", 1, longest[1], (value) => length(1, value)), ({ lengths }) => lengths[1]],
    [dropdown(left, "pads stand on the", [["right", "right"], ["left", "left"]], (value) => change("side", value)), ({ side }) => side],
    [checkbox(left, "hide the future", (value) => change("causal", value)), ({ causal }) => causal],
    [slider(right, "diagonal shifted by", -1, 1, (value) => change("shift", value), shifts), ({ shift }) => shift],
    [dropdown(right, "hide pads as", [["keys", "keys (columns)"], ["queries", "queries (rows)"], ["nowhere", "nothing"]], (value) => change("pads", value)), ({ pads }) => pads],
    [dropdown(right, "join the rules by", [["and", "and: &"], ["or", "or: |"]], (value) => change("joined", value)), ({ joined }) => joined],
    [dropdown(right, "True is built to mean", [["true", "may attend"], ["false", "blocked"]], (value) => change("true_means_may", value === "true")), ({ true_means_may: may }) => String(may)],
  ];
  return (settings) => shows.forEach(([show, value]) => show(value(settings)));
}

// ---- Tables ----

const fixed = (number) => (Math.abs(number) < LEAST ? 0 : number).toFixed(2);

function table(parent, caption, words, extra, rowOf) {
  const node = make("table", "", parent);
  make("caption", "", node, caption);
  const head = make("tr", "", make("thead", "", node));
  make("td", "", head);
  for (const word of words) make("span", "", make("th", "course-asked", head), word).parentElement.scope = "col";
  for (const name of extra) make("th", "course-extra", head, name).scope = "col";
  const body = make("tbody", "", node);
  words.forEach((word, i) => {
    const row = make("tr", "", body);
    make("th", "course-asking", row, word).scope = "row";
    rowOf(i, row);
  });
}

function maskTable(parent, made) {
  table(parent, "mask: \u2713 is True", made.words, [], (i, row) => {
    made.mask[i].forEach((cell, j) => {
      const open = made.allowed[i][j];
      const against = made.real[i] && open !== made.rule[i][j];
      const node = make("td", `course-cell${cell ? " course-true" : ""}${against ? " course-against" : ""}`, row, `${cell ? "\u2713" : ""}${against ? "!" : ""}`);
      if (against) node.title = open ? "open, and should be closed" : "closed, and should be open";
    });
  });
}

function weightTable(parent, made) {
  table(parent, "weights", made.words, ["sum", "leak: future", "leak: pads"], (i, row) => {
    made.weights[i].forEach((weight) => {
      const node = make("td", "course-cell", row, weight >= LEAST ? fixed(weight) : "");
      node.style.backgroundColor = ground(weight);
      if (weight >= 0.78) node.style.color = "#ffffff";
    });
    const sum = made.weights[i].reduce((total, weight) => total + weight, 0);
    make("td", "course-extra", row, fixed(sum));
    for (const leak of [made.future[i], made.pads[i]]) {
      make("td", `course-extra${leak >= LEAST ? " course-leak" : ""}`, row, made.real[i] ? fixed(leak) : "\u2013");
    }
  });
}

function summary(sentences) {
  const most = (name) => fixed(Math.max(...sentences.flatMap((made) => made[name])));
  const against = sentences.flatMap((made) => made.allowed.flatMap((row, i) => row.filter((open, j) => made.real[i] && open !== made.rule[i][j])));
  const cells = against.length === 1 ? "1 cell is" : `${against.length} cells are`;
  return `Leak from the future ${most("future")}, from pads ${most("pads")}. ${cells} against the rule.`;
}

function render({ model, el }) {
  const root = make("div", "course-widget course-builder", el);
  let sending, speaking;
  // The picture follows at once; the kernel hears of it a little later and only of where the hand came to.
  const change = (name, value) => {
    model.set(name, value);
    clearTimeout(sending);
    sending = setTimeout(() => model.save_changes(), 80);
  };
  const panel = make("div", "course-panel", root);
  const showSettings = buildControls(panel, model, change);
  const reset = make("button", "", panel, "Reset");
  reset.type = "button";
  reset.addEventListener("click", () => Object.entries(model.get("start")).forEach(([name, value]) => change(name, value)));
  const found = make("p", "course-found", root);
  const pictures = make("div", "course-sentences", root);
  make("p", "course-help", root, "Rows ask, columns are asked. \u201c!\u201d marks a cell that is open and should be closed, or the other way round. A leak is how far a word\u2019s output moves when what it must not see is exchanged. Outputs at pads are used by nobody: \u2013.");
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");

  const update = () => {
    const settings = read(model);
    const width = Math.max(...settings.lengths);
    const made = model.get("sentences").map((words, i) => built(words, model.get("known")[i], settings.lengths[i], width, settings));
    showSettings(settings);
    pictures.replaceChildren();
    for (const each of made) {
      const row = make("div", "course-sentence", pictures);
      maskTable(row, each);
      weightTable(row, each);
    }
    found.textContent = summary(made);
    clearTimeout(speaking);
    speaking = setTimeout(() => { spoken.textContent = summary(made); }, REST);
  };
  keepKeys(root);
  update();
  for (const name of NAMES) model.on(`change:${name}`, update);
  return () => {
    clearTimeout(sending);
    clearTimeout(speaking);
    for (const name of NAMES) model.off(`change:${name}`, update);
  };
}

export default { render };
