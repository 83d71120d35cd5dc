// The way of a sentence, from a piece of the source to the next word: scrubbed station by station, without a kernel.

const REST = 400; // ms of rest before what is shown is spoken
const CELL = 5; // px of one number of a vector
const TRAITS = ["station", "source", "target", "head"];

const said = (number) => (Math.abs(number) < 0.005 ? 0 : number).toFixed(2).replace("-", "\u2212");

// A tensor by its name: at(i, j, ...) gives a number, or the vector of the last axis where one index is left out.
function tensors(model) {
  const bytes = model.get("numbers");
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const index = model.get("index");
  return (name, ...at) => {
    const [offset, shape] = index[name];
    let start = offset, size = shape.reduce((product, n) => product * n, 1);
    at.forEach((i, axis) => {
      size /= shape[axis];
      start += i * size;
    });
    return size === 1 ? all[start] : all.subarray(start, start + size);
  };
}

// ---- Controls ----

function slider(parent, text, most, onMove) {
  const input = labelled(parent, text, make("input"));
  Object.assign(input, { type: "range", min: 0, max: most, step: 1 });
  const place = input.parentElement;
  const shown = make("output", "", place);
  shown.setAttribute("aria-live", "off");
  input.addEventListener("input", () => onMove(Number(input.value)));
  place.hidden = most === 0;
  return (value, words) => {
    if (Number(input.value) !== value) input.value = value;
    input.setAttribute("aria-valuetext", words);
    shown.textContent = words;
  };
}

// All stations as boxes in two rows, encoder and decoder; a click goes there.
function boxes(parent, stations, onChoose) {
  const rows = {};
  const nodes = stations.map((station, i) => {
    if (!rows[station.row]) {
      rows[station.row] = make("div", "course-way-row", parent);
      make("span", "course-title", rows[station.row], station.row);
    }
    const node = make("button", "course-box", rows[station.row], station.box);
    node.type = "button";
    node.setAttribute("aria-label", station.title);
    node.addEventListener("click", () => onChoose(i));
    return node;
  });
  return (at) => nodes.forEach((node, i) => {
    node.classList.toggle("course-passed", i < at);
    if (i === at) node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
  });
}

// ---- Vectors as strips ----

// A vector as a strip of cells: orange below zero, blue above, the stronger the farther from it. What is under the pointer is told.
function strip(parent, name, vector, scale, tell) {
  const node = make("canvas", "course-strip", parent);
  node.width = vector.length;
  node.height = 1;
  const brush = node.getContext("2d");
  const picture = brush.createImageData(vector.length, 1);
  vector.forEach((number, i) => picture.data.set([...(number < 0 ? [213, 94, 0] : [0, 114, 178]), Math.round(255 * Math.min(1, Math.abs(number) / scale))], 4 * i));
  brush.putImageData(picture, 0, 0);
  node.style.width = `${Math.min(640, CELL * vector.length)}px`;
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", `${name}: ${vector.length} numbers from ${said(Math.min(...vector))} to ${said(Math.max(...vector))}`);
  node.addEventListener("pointermove", (event) => {
    const { left, width } = node.getBoundingClientRect();
    const i = Math.min(vector.length - 1, Math.max(0, Math.floor((vector.length * (event.clientX - left)) / width)));
    tell(`${name}, number ${i + 1} of ${vector.length}: ${said(vector[i])}`);
  });
  node.addEventListener("pointerleave", () => tell(""));
  return node;
}

const largest = (...vectors) => Math.max(1e-6, ...vectors.map((vector) => vector.reduce((most, number) => Math.max(most, Math.abs(number)), 0)));
const norm = (vector) => Math.sqrt(vector.reduce((sum, number) => sum + number * number, 0));
const difference = (a, b) => a.map((number, i) => number - b[i]);

function labelledStrip(parent, title, name, vector, scale, tell) {
  const line = make("div", "course-line", parent);
  make("span", "course-title", line, title);
  strip(line, name, vector, scale, tell);
}

// The stream before and after a station, and what was added to it.
function stream(parent, before, after, tell) {
  const added = difference(after, before);
  const scale = largest(before, after);
  labelledStrip(parent, "stream before", "stream before", before, scale, tell);
  labelledStrip(parent, "added", "added", added, scale, tell);
  labelledStrip(parent, "stream after", "stream after", after, scale, tell);
  return `The stream had a length of ${said(norm(before))}; ${said(norm(added))} is added, and it has ${said(norm(after))}.`;
}

// ---- Stations: each draws itself and returns what is said of it ----

const draws = {
  embed(place, { read, station, at, word, tell }) {
    const vector = read(station.side, at);
    labelledStrip(place, word, word, vector, largest(vector), tell);
    return `\u201c${word}\u201d is looked up in a table: ${vector.length} numbers, which flow through all layers as a stream.`;
  },

  attend(place, { read, station, at, word, head, heads, asked, followed, tell }) {
    const [q, mixed] = [read(`${station.name}.q`, head, at), read(`${station.name}.mixed`, head, at)];
    const [scores, weights] = [read(`${station.name}.scores`, head, at), read(`${station.name}.weights`, head, at)];
    const [keys, values] = ["k", "v"].map((kind) => asked.map((_, j) => read(`${station.name}.${kind}`, head, j)));
    const scale = largest(q, ...keys);
    labelledStrip(place, `query of ${word}`, `query of ${word}`, q, scale, tell);
    const table = make("table", "", place);
    const names = make("tr", "", make("thead", "", table));
    for (const name of ["", "key", `score: query \u00b7 key / \u221a${q.length}`, "weight", "value"]) make("th", "course-title", names, name).scope = "col";
    const body = make("tbody", "", table);
    asked.forEach((piece, j) => {
      const line = make("tr", j === followed ? "course-followed" : "", body);
      make("th", "course-asked", line, piece).scope = "row";
      const hidden = scores[j] < -1e30; // the future of a decoder
      strip(make("td", "", line), `key of ${piece}`, keys[j], scale, tell);
      make("td", "course-number", line, hidden ? "hidden" : said(scores[j]));
      const share = make("td", "course-share", line);
      make("span", "course-bar", share).style.width = `${Math.round(80 * weights[j])}px`;
      make("span", "", share, said(weights[j]));
      const value = strip(make("td", "", line), `value of ${piece}`, values[j], largest(...values), tell);
      value.style.opacity = Math.max(0.15, weights[j]);
    });
    labelledStrip(place, "mixed values", "mixed values", mixed, largest(...values), tell);
    const told = stream(place, read(`${station.name}.before`, at), read(`${station.name}.after`, at), tell);
    const best = weights.indexOf(Math.max(...weights));
    return `\u201c${word}\u201d asks: its query is multiplied with every key, and the scores become weights that add up to 1. In head ${head + 1} of ${heads}, “${asked[best]}” gets most, ${said(weights[best])}. The values are mixed by these weights; all heads together go back into the stream. ${told}`;
  },

  feed(place, { read, station, at, word, tell }) {
    const [before, hidden, after] = ["before", "hidden", "after"].map((name) => read(`${station.name}.${name}`, at));
    labelledStrip(place, "hidden", "hidden", hidden, largest(hidden), tell);
    const active = hidden.filter((number) => number > 0).length;
    return `\u201c${word}\u201d alone: its stream is widened to ${hidden.length} numbers, of which ${active} are above zero here, and narrowed again. ${stream(place, before, after, tell)}`;
  },

  words(place, { best, written }) {
    const table = make("table", "", place);
    const body = make("tbody", "", table);
    for (const [piece, share] of best) {
      const line = make("tr", "", body);
      make("th", "course-asked", line, piece).scope = "row";
      const cell = make("td", "course-share", line);
      make("span", "course-bar", cell).style.width = `${Math.round(200 * share)}px`;
      make("span", "", cell, said(share));
    }
    return `The last stream is compared with the row of every piece in the table; a softmax makes the products probabilities. \u201c${written}\u201d is written.`;
  },
};

// ---- All together ----

function render({ model, el }) {
  const root = make("div", "course-widget course-way", el);
  let sending, speaking;
  const change = (name, value) => {
    model.set(name, value);
    clearTimeout(sending);
    sending = setTimeout(() => model.save_changes(), 80);
  };
  const words = model.get("words");
  const stations = model.get("stations");
  const read = tensors(model);
  const pair = make("p", "course-pair", root);
  make("span", "", pair, words.sentence).lang = model.get("languages")[0];
  make("span", "", pair, " \u2192 ");
  make("span", "", pair, words.translation).lang = model.get("languages")[1];
  const panel = make("div", "course-panel", root);
  const showStation = slider(panel, "station", stations.length - 1, (value) => change("station", value));
  const showSource = slider(panel, "piece of the source", words.source.length - 1, (value) => change("source", value));
  const showTarget = slider(panel, "piece to write", words.written.length - 1, (value) => change("target", value));
  const showHead = slider(panel, "head", model.get("heads") - 1, (value) => change("head", value));
  const showBoxes = boxes(make("div", "course-map", root), stations, (i) => change("station", i));
  const title = make("p", "course-heading", root);
  const told = make("p", "course-told", root);
  const place = make("div", "course-place", root);
  const pointed = make("p", "course-pointed", root);
  make("p", "course-help", root, "Orange cells are below zero, blue ones above; point at a cell for its number.");
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");
  const tell = (text) => { pointed.textContent = text; };

  const update = () => {
    const [at, source, target, head] = TRAITS.map((name) => model.get(name));
    const station = stations[at];
    const ofSource = station.side === "source";
    showStation(at, `${at + 1} of ${stations.length}`);
    showSource(source, words.source[source]);
    showTarget(target, words.written[target]);
    showHead(head, `${head + 1} of ${model.get("heads")}`);
    showBoxes(at);
    title.textContent = station.title;
    place.replaceChildren();
    told.textContent = draws[station.kind](place, {
      read, station, head, heads: model.get("heads"), at: ofSource ? source : target,
      word: ofSource ? words.source[source] : words.given[target], asked: words[station.asked],
      followed: station.asked === "source" && !ofSource ? source : -1, best: model.get("best")[target], written: words.written[target], tell,
    });
    tell("");
    clearTimeout(speaking);
    speaking = setTimeout(() => { spoken.textContent = `${station.title}. ${told.textContent}`; }, REST);
  };
  keepKeys(root);
  update();
  for (const name of TRAITS) model.on(`change:${name}`, update);
  return () => {
    clearTimeout(sending);
    clearTimeout(speaking);
    for (const name of TRAITS) model.off(`change:${name}`, update);
  };
}

export default { render };
