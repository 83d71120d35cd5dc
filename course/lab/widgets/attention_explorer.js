// Who looks at whom, in any layer and head: words on both sides, lines between them. All of it runs here, without a kernel.

const ROW = 26; // px from one word to the next
const SPAN = 200; // px between the two columns
const REST = 400; // ms of rest before what is followed is spoken
const SEEN = 0.015; // a lighter line is not drawn
const FAINT = 0.05; // how opaque lines are that do not belong to the word that is followed
const FULL = 65535; // the number that stands for a weight of 1
const TRAITS = ["place", "view", "layer", "head", "gold", "followed"];
const SVG = "http://www.w3.org/2000/svg";

// ---- Numbers ----

// The weights of one view as functions of layer, head (-1: the mean), asking row and asked column.
function weightsOf(model, view) {
  const bytes = model.get("weights");
  const numbers = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const [rows, columns] = [view.asking.length, view.asked.length];
  const one = (layer, head, row, column) => numbers[view.offset + ((layer * view.heads + head) * rows + row) * columns + column] / FULL;
  return (layer, head, row, column) => {
    if (head >= 0) return one(layer, head, row, column);
    let sum = 0;
    for (let h = 0; h < view.heads; h += 1) sum += one(layer, h, row, column);
    return sum / view.heads;
  };
}

function mapOf(weight, view, layer, head) {
  return view.asking.map((_, row) => view.asked.map((__, column) => weight(layer, head, row, column)));
}

function headName(view, head) {
  if (view.heads === 1) return "its only head";
  return head < 0 ? `mean of ${view.heads} heads` : `head ${head + 1} of ${view.heads}`;
}

const said = (number) => number.toFixed(2);

// The three places that a word looks at most, or the three words that look most at it, as a sentence.
function summary(view, map, [side, at]) {
  const words = side === "asking" ? view.asked : view.asking;
  const numbers = side === "asking" ? map[at] : map.map((row) => row[at]);
  const first = numbers.map((number, i) => [number, words[i]]).filter(([number]) => number >= 0.005).sort((a, b) => b[0] - a[0]).slice(0, 3);
  const list = first.map(([number, word]) => `${word} ${said(number)}`).join(", ");
  if (side === "asking") return list ? `${view.asking[at]} looks at ${list}.` : `${view.asking[at]} looks at nothing.`;
  return list ? `${view.asked[at]} is looked at by ${list}.` : `Nobody looks at ${view.asked[at]}.`;
}

// ---- Controls ----

function dropdown(parent, text, onMove) {
  const input = labelled(parent, text, make("select"));
  input.addEventListener("change", () => onMove(Number(input.value)));
  return (choices, value) => {
    const old = [...input.options].map((option) => `${option.value} ${option.textContent}`).join("\n");
    if (old !== choices.map(([key, words]) => `${key} ${words}`).join("\n")) {
      input.replaceChildren();
      for (const [key, words] of choices) make("option", "", input, words).value = key;
    }
    input.value = value;
  };
}

function checkbox(parent, text, onMove) {
  const input = labelled(parent, text, make("input"));
  input.type = "checkbox";
  input.addEventListener("change", () => onMove(input.checked));
  return (value, possible) => {
    input.checked = value;
    input.parentElement.hidden = !possible;
  };
}

// A field that leaves in the list of sentences those that contain what is typed.
function search(parent, sentences, onChoose) {
  const field = labelled(parent, "find", make("input"));
  Object.assign(field, { type: "search", size: 12 });
  const list = labelled(parent, "sentence", make("select"));
  const none = make("span", "course-none", parent);
  none.setAttribute("role", "status");
  const fill = (place) => {
    const wanted = field.value.trim().toLowerCase();
    const found = sentences.map((each, i) => [i, each]).filter(([, each]) => `${each.source} ${each.target}`.toLowerCase().includes(wanted));
    none.textContent = found.length ? "" : "No sentence has that.";
    list.replaceChildren();
    for (const [i, each] of found) make("option", "", list, each.source).value = i;
    if (found.some(([i]) => i === place)) list.value = place;
    else if (found.length) onChoose(found[0][0]);
  };
  list.addEventListener("change", () => onChoose(Number(list.value)));
  return { field, fill };
}

// ---- Thumbnails: one small map for every head of every layer ----

function thumbnails(parent, view, weight, onChoose) {
  parent.replaceChildren();
  const grid = make("div", "course-heads", parent);
  grid.setAttribute("role", "radiogroup");
  grid.setAttribute("aria-label", "layer and head");
  grid.style.gridTemplateColumns = `max-content repeat(${view.heads + 1}, max-content)`;
  const nodes = [];
  make("span", "", grid);
  for (let head = 0; head < view.heads; head += 1) make("span", "course-title", grid, `head ${head + 1}`);
  make("span", "course-title", grid, "mean");
  for (let layer = 0; layer < view.layers; layer += 1) {
    make("span", "course-title", grid, `layer ${layer + 1}`);
    for (const head of [...Array(view.heads).keys(), -1]) nodes.push(thumbnail(grid, view, mapOf(weight, view, layer, head), layer, head, onChoose));
  }
  const wide = view.heads + 1;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide };
  grid.addEventListener("keydown", (event) => {
    const at = nodes.indexOf(event.target) + (steps[event.key] ?? NaN);
    if (!nodes[at]) return;
    event.preventDefault();
    nodes[at].focus();
    nodes[at].click();
  });
  return (layer, head) => nodes.forEach((node, i) => {
    const chosen = i === layer * wide + (head < 0 ? view.heads : head);
    node.setAttribute("aria-checked", String(chosen));
    node.tabIndex = chosen ? 0 : -1;
  });
}

function thumbnail(parent, view, map, layer, head, onChoose) {
  const node = make("button", "course-head", parent);
  node.type = "button";
  node.setAttribute("role", "radio");
  node.setAttribute("aria-label", `layer ${layer + 1}, ${headName(view, head)}`);
  const canvas = make("canvas", "", node);
  canvas.width = view.asked.length;
  canvas.height = view.asking.length;
  const brush = canvas.getContext("2d");
  const picture = brush.createImageData(canvas.width, canvas.height);
  map.flat().forEach((number, i) => picture.data.set([165, 60, 135, Math.round(255 * Math.min(1, number))], 4 * i));
  brush.putImageData(picture, 0, 0);
  node.addEventListener("click", () => onChoose(layer, head));
  return node;
}

// ---- Words and lines ----

// One column of words; the word that has the focus, or is under the pointer, is followed.
function column(parent, side, title, words, language, follow) {
  const place = make("div", `course-words course-${side}`, parent);
  place.setAttribute("role", "listbox");
  place.setAttribute("aria-label", title);
  const nodes = words.map((word, i) => {
    const node = make("div", "course-word", place);
    node.setAttribute("role", "option");
    const text = make("span", "course-text", node, word);
    if (language) text.lang = language;
    make("span", "course-number", node);
    node.tabIndex = i ? -1 : 0;
    node.addEventListener("mouseenter", () => follow([side, i], false));
    node.addEventListener("focus", () => follow([side, i], false));
    node.addEventListener("click", () => follow([side, i], true));
    return node;
  });
  place.addEventListener("mouseleave", () => follow(null, false));
  return nodes;
}

function arrows(columns, stop) {
  const names = Object.keys(columns);
  for (const side of names) {
    columns[side].forEach((node, i) => node.addEventListener("keydown", (event) => {
      const other = columns[names.find((name) => name !== side)];
      const next = {
        ArrowDown: columns[side][i + 1], ArrowUp: columns[side][i - 1], Home: columns[side][0], End: columns[side].at(-1),
        ArrowLeft: other[Math.min(i, other.length - 1)], ArrowRight: other[Math.min(i, other.length - 1)],
      }[event.key];
      if (event.key === "Escape") stop();
      if (event.key === "Enter" || event.key === " ") node.click();
      if (next) next.focus();
      if (next || ["Enter", " ", "Escape"].includes(event.key)) event.preventDefault();
    }));
  }
}

const middle = (i) => ROW * (i + 0.5);

function line(parent, className, column, row) {
  const node = document.createElementNS(SVG, "line");
  const ends = { x1: 0, y1: middle(column), x2: SPAN, y2: middle(row) };
  for (const [name, value] of Object.entries(ends)) node.setAttribute(name, value);
  node.setAttribute("class", className);
  parent.append(node);
  return node;
}

// Words and lines of one view. Returns what shows a map, with the word that is followed, and the gold links or not.
function drawing(parent, view, follow) {
  parent.replaceChildren();
  const titles = make("div", "course-titles", parent);
  make("span", "course-title", titles, view.asked_title);
  make("span", "course-title", titles, view.asking_title);
  const body = make("div", "course-lines", parent);
  const asked = column(body, "asked", view.asked_title, view.asked, view.languages[0], follow);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", SPAN);
  svg.setAttribute("height", ROW * Math.max(view.asked.length, view.asking.length));
  svg.setAttribute("aria-hidden", "true");
  body.append(svg);
  const asking = column(body, "asking", view.asking_title, view.asking, view.languages[1], follow);
  arrows({ asked, asking }, () => follow(null, true));
  const lines = view.asking.map((_, row) => view.asked.map((__, at) => line(svg, "course-weight", at, row)));
  const links = view.gold.map(([row, at]) => line(svg, "course-gold", at, row));
  keepKeys(body);
  return (map, followed, gold) => {
    const [side, at] = followed ?? ["", -1];
    const ofWord = (row, columnAt) => side === "" || (side === "asking" ? row === at : columnAt === at);
    map.forEach((numbers, row) => numbers.forEach((number, i) => {
      const strength = ofWord(row, i) ? number : Math.min(number, FAINT);
      lines[row][i].style.opacity = number < SEEN ? 0 : strength;
    }));
    for (const each of links) each.style.display = gold ? "" : "none";
    mark(asked, side === "asking" ? map[at] : null, side === "asked" ? at : -1);
    mark(asking, side === "asked" ? map.map((numbers) => numbers[at]) : null, side === "asking" ? at : -1);
  };
}

// Numbers beside the words of one column, and which of them is followed.
function mark(nodes, numbers, followed) {
  nodes.forEach((node, i) => {
    const number = numbers ? numbers[i] : 0;
    node.lastChild.textContent = numbers && number >= 0.005 ? said(number) : "";
    node.style.setProperty("--share", number >= 0.005 ? Math.min(1, number) : 0);
    node.setAttribute("aria-selected", String(i === followed));
    node.tabIndex = i === Math.max(0, followed) ? 0 : -1;
  });
}

// ---- All together ----

function render({ model, el }) {
  const root = make("div", "course-widget course-attend", el);
  let sending, speaking, weight, show, choose, hovered, drawn;
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    clearTimeout(sending);
    sending = setTimeout(() => model.save_changes(), 80);
  };
  const sentences = model.get("sentences");
  const panel = make("div", "course-panel", root);
  const finder = search(panel, sentences, (place) => change({ followed: [], place }));
  const showView = dropdown(panel, "attention", (view) => change({ followed: [], view }));
  const showGold = checkbox(panel, "gold links", (gold) => change({ gold }));
  const pair = make("p", "course-pair", root);
  const picture = make("div", "course-picture", root);
  const between = make("div", "course-between", picture);
  const heads = make("div", "course-overview", picture);
  const told = make("p", "course-told", root);
  make("p", "course-help", root, "Point at a word, or reach it by Tab and the arrow keys, to follow it alone; a click or Enter holds it, Escape lets go. The small maps are the heads.");
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");

  // Another sentence may have fewer views, and another view fewer layers and heads, than what was looked at.
  const viewAt = () => Math.min(model.get("view"), sentences[model.get("place")].views.length - 1);
  const current = () => sentences[model.get("place")].views[viewAt()];
  const held = () => (model.get("followed").length ? model.get("followed") : null);
  const layerOf = (view) => Math.min(model.get("layer"), view.layers - 1);
  const headOf = (view) => (model.get("head") < view.heads ? model.get("head") : -1);
  const follow = (which, hold) => {
    hovered = which;
    if (hold) change({ followed: which ?? [] });
    else light();
  };
  const light = () => {
    const view = current();
    const [layer, head] = [layerOf(view), headOf(view)];
    const map = mapOf(weight, view, layer, head);
    const followed = hovered ?? held();
    show(map, followed, model.get("gold"));
    const where = `Layer ${layer + 1} of ${view.layers}, ${headName(view, head)}.`;
    told.textContent = followed ? `${where} ${summary(view, map, followed)}` : where;
    clearTimeout(speaking);
    speaking = setTimeout(() => { spoken.textContent = told.textContent; }, REST);
  };
  const update = () => {
    const [place, at] = [model.get("place"), viewAt()];
    const sentence = sentences[place];
    if (drawn !== `${place} ${at}`) {
      drawn = `${place} ${at}`;
      hovered = null;
      weight = weightsOf(model, current());
      show = drawing(between, current(), follow);
      choose = thumbnails(heads, current(), weight, (layer, head) => change({ layer, head }));
      finder.fill(place);
      pair.replaceChildren();
      make("span", "", pair, sentence.source).lang = sentence.languages[0];
      make("span", "course-arrow", pair, " \u2192 ");
      make("span", "", pair, sentence.target).lang = sentence.languages[1];
      keepKeys(root);
    }
    showView(sentence.views.map((view, i) => [i, view.name]), at);
    showGold(model.get("gold"), current().gold.length > 0);
    choose(layerOf(current()), headOf(current()));
    light();
  };
  finder.field.addEventListener("input", () => finder.fill(model.get("place")));
  update();
  for (const name of TRAITS) model.on(`change:${name}`, update);
  return () => {
    clearTimeout(sending);
    clearTimeout(speaking);
    for (const name of TRAITS) model.off(`change:${name}`, update);
  };
}

export default { render };
