// A query that is dragged in the plane; scores, weights and output follow. All of it runs here, without a kernel.

const SIDE = 320; // side of a plane, in units of its viewBox
const LETTERS = 13; // px: size of a word, however small its plane is shown
const STEP = 0.1; // what one arrow key adds; with Shift five times as much
const COOLEST = 0.1;
const HOTTEST = 10;
const REST = 400; // ms of rest before the summary is spoken
const SVG = "http://www.w3.org/2000/svg";

// The four steps: match, scale, softmax, mix. `dragged_query_state` beside this file takes the same ones.
function attend(query, keys, values, temperature) {
  const scores = keys.map((key) => query[0] * key[0] + query[1] * key[1]);
  const logits = scores.map((score) => score / (Math.SQRT2 * temperature));
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const weights = powers.map((power) => power / total);
  const output = [0, 1].map((axis) => weights.reduce((sum, weight, i) => sum + weight * values[i][axis], 0));
  return { scores, logits, weights, output };
}

const fixed = (number) => (Math.abs(number) < 0.005 ? 0 : number).toFixed(2);
const point = (pair) => `(${fixed(pair[0])}, ${fixed(pair[1])})`;

function draw(tag, parent, attributes) {
  const node = document.createElementNS(SVG, tag);
  setAll(node, attributes);
  parent.append(node);
  return node;
}

function setAll(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

const onPage = (pair, reach) => [(pair[0] / reach + 1) * (SIDE / 2), (1 - pair[1] / reach) * (SIDE / 2)];

// A square with axes. Its caption names the vectors in their colors: words is a list of [text, kind].
function plane(parent, words, reach) {
  const figure = make("figure", "course-plane", parent);
  const caption = make("figcaption", "", figure);
  for (const [text, kind] of words) make("span", kind ? `course-name-${kind}` : "", caption, text);
  const svg = draw("svg", figure, { viewBox: `0 0 ${SIDE} ${SIDE}` });
  draw("line", svg, { class: "course-axis", x1: 0, x2: SIDE, y1: SIDE / 2, y2: SIDE / 2 });
  draw("line", svg, { class: "course-axis", x1: SIDE / 2, x2: SIDE / 2, y1: 0, y2: SIDE });
  const step = Math.ceil(reach / 5);
  const last = Math.ceil(reach / step - 1) * step; // none stands on the frame
  for (let tick = -last; tick <= last; tick += step) {
    if (tick === 0) continue;
    const [x, y] = onPage([tick, tick], reach);
    draw("text", svg, { class: "course-tick", x, y: SIDE / 2 + 2, dy: "1em", "text-anchor": "middle" }).textContent = tick;
    draw("text", svg, { class: "course-tick", x: SIDE / 2 - 5, y, dy: "0.35em", "text-anchor": "end" }).textContent = tick;
  }
  return svg;
}

// An arrow from the origin; returns the function that moves its tip.
function arrow(svg, kind, reach) {
  const group = draw("g", svg, { class: `course-arrow course-of-${kind}` });
  const line = draw("line", group, { x1: SIDE / 2, y1: SIDE / 2 });
  const head = draw("polygon", group, { points: "0,0 -11,4.5 -11,-4.5" });
  return (pair) => {
    const [x, y] = onPage(pair, reach);
    const [dx, dy] = [x - SIDE / 2, y - SIDE / 2];
    const length = Math.hypot(dx, dy);
    const short = length > 9 ? 1 - 9 / length : 0; // the line ends inside the head
    setAll(line, { x2: SIDE / 2 + dx * short, y2: SIDE / 2 + dy * short });
    head.setAttribute("transform", `translate(${x} ${y}) rotate(${(Math.atan2(dy, dx) * 180) / Math.PI})`);
    head.style.display = length > 4 ? "" : "none";
  };
}

// Places of words. A box is [left, top, right, bottom] in units of the plane.

const EDGE = 3; // what a word keeps from the frame
const GAP = 4; // and from the tip that it names
const TURNS = [0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180]; // degrees from an arrow: outward is best
const FAR = [0, 12, 26, 42]; // what it may stand farther off where it is crowded

const shared = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
const around = (x, y, radius) => [x - radius, y - radius, x + radius, y + radius];

function boxOf(text) {
  const { x, y, width, height } = text.getBBox();
  return [x - 1, y - 1, x + width + 1, y + height + 1];
}

// An arrow as boxes along its shaft and around its head, for words to keep off.
function boxesOf(pair, reach, tip) {
  const [x, y] = onPage(pair, reach);
  const steps = Math.ceil(Math.hypot(x - SIDE / 2, y - SIDE / 2) / 8);
  const shaft = Array.from({ length: steps }, (_, i) => {
    const part = i / steps;
    return around(SIDE / 2 + part * (x - SIDE / 2), SIDE / 2 + part * (y - SIDE / 2), 3);
  });
  return [...shaft, around(x, y, tip)];
}

// Put a word beside the tip of an arrow, inside the plane, where it covers no other word and little else.
function placeWord(text, pair, { reach, words, things, tip }) {
  const { x: x0, y: y0, width, height } = text.getBBox();
  if (!width) return undefined; // not on the page yet: nothing can be measured
  const [x, y] = onPage(pair, reach);
  const outward = Math.atan2(y - SIDE / 2, x - SIDE / 2);
  let best;
  TURNS.forEach((turn, rank) => {
    for (const far of FAR) {
      const angle = outward + (turn * Math.PI) / 180;
      const middle = [x + Math.cos(angle) * (tip + GAP + far + width / 2), y + Math.sin(angle) * (tip + GAP + far + height / 2)];
      const left = Math.min(Math.max(middle[0] - width / 2, EDGE), SIDE - EDGE - width);
      const top = Math.min(Math.max(middle[1] - height / 2, EDGE), SIDE - EDGE - height);
      const box = [left - 1, top - 1, left + width + 1, top + height + 1];
      const hidden = words.reduce((sum, other) => sum + shared(box, other), 0);
      const cost = (hidden > 0 ? SIDE * SIDE : 0) + 20 * hidden + things.reduce((sum, other) => sum + shared(box, other), 0) + 5 * rank + 3 * far;
      if (!best || cost < best.cost) best = { cost, hidden, box, left, top };
    }
  });
  setAll(text, { x: Number(text.getAttribute("x") ?? 0) + best.left - x0, y: Number(text.getAttribute("y") ?? 0) + best.top - y0 });
  text.setAttribute("visibility", best.hidden > 0 ? "hidden" : "visible"); // rather no word than two in one place
  return best.box;
}

// Words of arrows that never move; returns the boxes of all words in the plane, with the numbers of the axes.
function placeWords(svg, names, pairs, reach) {
  const { width } = svg.getBoundingClientRect();
  if (width) svg.style.fontSize = `${(LETTERS * SIDE) / width}px`;
  const words = [...svg.querySelectorAll(".course-tick")].map(boxOf);
  const things = pairs.flatMap((pair) => boxesOf(pair, reach, 6));
  names.forEach((name, i) => {
    const box = placeWord(name, pairs[i], { reach, words, things, tip: 6 });
    if (box) words.push(box);
  });
  return { words, things };
}

function writeWords(svg, kind, labels) {
  return labels.map((label) => {
    const name = draw("text", svg, { class: `course-name-${kind}`, x: 0, y: 0 });
    name.textContent = label;
    return name;
  });
}

function keyPlane(parent, model) {
  const reach = model.get("reach");
  const keys = model.get("key_points");
  const svg = plane(parent, [["Query", "query"], [" and "], ["keys", "key"]], reach);
  setAll(svg, { role: "group", "aria-label": "Plane with the keys and the query" });
  const ties = keys.map(() => draw("line", svg, { class: "course-tie" }));
  keys.forEach((key) => arrow(svg, "key", reach)(key));
  const moveArrow = arrow(svg, "query", reach);
  const names = writeWords(svg, "key", model.get("labels"));
  const [name] = writeWords(svg, "query", ["query"]);
  let placed = { words: [], things: [] };
  const measure = () => { placed = placeWords(svg, names, keys, reach); };
  const handle = draw("g", svg, {
    class: "course-handle", tabindex: 0, role: "slider", "aria-label": "Query vector: arrow keys move it, Home puts it back",
    "aria-roledescription": "point in the plane", "aria-valuemin": -reach, "aria-valuemax": reach,
  });
  draw("circle", handle, { class: "course-ring", r: 16 });
  draw("circle", handle, { class: "course-dot", r: 9 });
  draw("circle", handle, { class: "course-reach", r: 22 });
  const update = (query, weights) => {
    const [x, y] = onPage(query, reach);
    moveArrow(query);
    placeWord(name, query, { ...placed, reach, things: [...placed.things, ...boxesOf(query, reach, 10)], tip: 10 });
    handle.setAttribute("transform", `translate(${x} ${y})`);
    setAll(handle, { "aria-valuenow": fixed(query[0]), "aria-valuetext": `x ${fixed(query[0])}, y ${fixed(query[1])}` });
    ties.forEach((tie, i) => {
      const [x2, y2] = onPage(keys[i], reach);
      setAll(tie, { x1: x, y1: y, x2, y2, "stroke-width": 1 + 9 * weights[i], "stroke-opacity": 0.15 + 0.85 * weights[i] });
    });
  };
  return { svg, handle, measure, update };
}

function valuePlane(parent, model) {
  const reach = model.get("reach");
  const values = model.get("value_points");
  const svg = plane(parent, [["Values", "value"], [" and "], ["output"]], reach);
  svg.setAttribute("role", "img");
  values.forEach((value) => arrow(svg, "value", reach)(value));
  const path = draw("polyline", svg, { class: "course-path" });
  const moveOutput = arrow(svg, "output", reach);
  const names = writeWords(svg, "value", model.get("labels"));
  const [name] = writeWords(svg, "output", ["output"]);
  let placed = { words: [], things: [] };
  const measure = () => { placed = placeWords(svg, names, values, reach); };
  const update = ({ weights, output }) => {
    const tip = [0, 0];
    const corners = [onPage(tip, reach)];
    values.forEach((value, i) => {
      tip[0] += weights[i] * value[0];
      tip[1] += weights[i] * value[1];
      corners.push(onPage(tip, reach));
    });
    path.setAttribute("points", corners.map((corner) => corner.join(",")).join(" "));
    moveOutput(output);
    placeWord(name, output, { ...placed, reach, things: [...placed.things, ...boxesOf(output, reach, 6)], tip: 6 });
    svg.setAttribute("aria-label", `Plane with the values; the output is at ${point(output)}`);
  };
  return { svg, measure, update };
}

function table(parent, model) {
  const node = make("table", "", parent);
  make("caption", "", node, "From score to weight");
  const head = make("tr", "", make("thead", "", node));
  for (const title of ["", "q\u00b7k", "q\u00b7k / (\u221a2\u00b7T)", "weight", ""]) make("th", "", head, title).scope = "col";
  const body = make("tbody", "", node);
  const rows = model.get("labels").map((label) => {
    const row = make("tr", "", body);
    make("th", "", row, label).scope = "row";
    const cells = ["score", "logit", "weight"].map((name) => make("td", `course-${name}`, row));
    return { cells, bar: make("div", "", make("td", "course-bar", row)) };
  });
  return ({ scores, logits, weights }) => {
    rows.forEach(({ cells, bar }, i) => {
      [scores[i], logits[i], weights[i]].forEach((number, column) => { cells[column].textContent = fixed(number); });
      bar.style.width = `${100 * weights[i]}%`;
    });
  };
}

// The slider is logarithmic: 0 is the coolest temperature, 100 the hottest, 50 is 1.
const heat = (position) => Number((COOLEST * (HOTTEST / COOLEST) ** (position / 100)).toPrecision(3));
const position = (temperature) => Math.round((100 * Math.log(temperature / COOLEST)) / Math.log(HOTTEST / COOLEST));

function settings(parent, onHeat, onReset) {
  const row = make("div", "course-settings", parent);
  const label = make("label", "", row, "temperature T ");
  const input = make("input", "", label);
  Object.assign(input, { type: "range", min: 0, max: 100, step: 1 });
  const shown = make("span", "course-temperature", row);
  const reset = make("button", "", row, "Reset");
  reset.type = "button";
  reset.addEventListener("click", onReset);
  input.addEventListener("input", () => onHeat(heat(Number(input.value))));
  return (temperature) => {
    if (heat(Number(input.value)) !== temperature) input.value = position(temperature);
    input.setAttribute("aria-valuetext", fixed(temperature));
    shown.textContent = fixed(temperature);
  };
}

// Mouse, pen and finger: hold the dot and move it, or press anywhere in the plane.
function followPointer({ svg, handle }, model, moveTo) {
  const reach = model.get("reach");
  const seen = new DOMPoint();
  const where = (event) => {
    [seen.x, seen.y] = [event.clientX, event.clientY];
    const { x, y } = seen.matrixTransform(svg.getScreenCTM().inverse());
    return [(x / (SIDE / 2) - 1) * reach, (1 - y / (SIDE / 2)) * reach];
  };
  let slip = [0, 0]; // from the pointer to the query: a dot that is held off its middle does not jump
  svg.addEventListener("pointerdown", (event) => {
    const onDot = handle.contains(event.target);
    if (event.button !== 0 || (event.pointerType === "touch" && !onDot)) return; // a finger elsewhere scrolls the page
    event.preventDefault();
    handle.focus({ preventScroll: true });
    handle.classList.add("course-held");
    svg.setPointerCapture(event.pointerId);
    const [x, y] = where(event);
    const query = model.get("query");
    slip = onDot ? [query[0] - x, query[1] - y] : [0, 0];
    if (!onDot) moveTo([x, y]);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!svg.hasPointerCapture(event.pointerId)) return;
    const [x, y] = where(event);
    moveTo([x + slip[0], y + slip[1]]);
  });
  svg.addEventListener("lostpointercapture", () => handle.classList.remove("course-held"));
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function followKeys(handle, model, moveTo, onReset) {
  handle.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (!direction && event.key !== "Home") return;
    event.preventDefault();
    event.stopPropagation();
    if (!direction) return onReset();
    const step = event.shiftKey ? 5 * STEP : STEP;
    moveTo(model.get("query").map((number, axis) => number + step * direction[axis]));
  });
}

function summary({ weights, output }, model) {
  const labels = model.get("labels");
  const most = weights.indexOf(Math.max(...weights));
  return `Query ${point(model.get("query"))}. Most weight: ${labels[most]}, ${fixed(weights[most])}. Output ${point(output)}.`;
}

function render({ model, el }) {
  const reach = model.get("reach");
  const root = make("div", "course-widget course-dragged", el);
  const planes = make("div", "course-planes", root);
  const asked = keyPlane(planes, model);
  const mixed = valuePlane(planes, model);
  const side = make("div", "course-table", planes);
  const showTable = table(side, model);
  const written = make("p", "course-output", side);
  let sending, speaking;

  // The picture follows at once; the kernel hears of it a little later and only of where the hand came to.
  const change = (name, value) => {
    model.set(name, value);
    clearTimeout(sending);
    sending = setTimeout(() => model.save_changes(), 80);
  };
  const moveTo = (pair) => change("query", pair.map((number) => Number(Math.min(Math.max(number, -reach), reach).toFixed(4))));
  const onReset = () => {
    change("temperature", model.get("start_temperature"));
    moveTo(model.get("start"));
  };
  const showHeat = settings(side, (temperature) => change("temperature", temperature), onReset);
  make("p", "course-help", root, "Drag the blue dot, or select it and use the arrow keys. Thicker purple lines carry more weight.");
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");

  const update = () => {
    const state = attend(model.get("query"), model.get("key_points"), model.get("value_points"), model.get("temperature"));
    asked.update(model.get("query"), state.weights);
    mixed.update(state);
    showTable(state);
    showHeat(model.get("temperature"));
    written.textContent = `query ${point(model.get("query"))} \u2192 output ${point(state.output)}`;
    clearTimeout(speaking);
    speaking = setTimeout(() => { spoken.textContent = summary(state, model); }, REST);
  };
  followPointer(asked, model, moveTo);
  followKeys(asked.handle, model, moveTo, onReset);
  keepKeys(root);
  update();
  // Words are measured when the planes come onto the page, or to another size.
  const sizes = new ResizeObserver(() => {
    asked.measure();
    mixed.measure();
    update();
  });
  sizes.observe(asked.svg);
  model.on("change:query", update);
  model.on("change:temperature", update);
  return () => {
    sizes.disconnect();
    clearTimeout(sending);
    clearTimeout(speaking);
    model.off("change:query", update);
    model.off("change:temperature", update);
  };
}

export default { render };
