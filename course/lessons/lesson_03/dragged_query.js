// A query that is dragged in the plane; scores, weights and output follow. All of it runs here, without a kernel.

const SIDE = 320; // side of a plane, in units of its viewBox
const STEP = 0.1; // what one arrow key adds; with Shift five times as much
const COOLEST = 0.1;
const HOTTEST = 10;
const REST = 400; // ms of rest before the summary is spoken
const SVG = "http://www.w3.org/2000/svg";

// The four steps: match, scale, softmax, mix. `dragged_query_state` in widgets.py takes the same ones.
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

function plane(parent, title, reach) {
  const figure = make("figure", "course-plane", parent);
  make("figcaption", "", figure, title);
  const svg = draw("svg", figure, { viewBox: `0 0 ${SIDE} ${SIDE}` });
  draw("line", svg, { class: "course-axis", x1: 0, x2: SIDE, y1: SIDE / 2, y2: SIDE / 2 });
  draw("line", svg, { class: "course-axis", x1: SIDE / 2, x2: SIDE / 2, y1: 0, y2: SIDE });
  for (let tick = Math.ceil(-reach) || 0; tick < reach; tick += 1) {
    if (tick === 0 || Math.abs(tick) === reach) continue;
    const [x, y] = onPage([tick, tick], reach);
    draw("text", svg, { class: "course-tick", x, y: SIDE / 2 + 13, "text-anchor": "middle" }).textContent = tick;
    draw("text", svg, { class: "course-tick", x: SIDE / 2 - 5, y: y + 4, "text-anchor": "end" }).textContent = tick;
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

// Put a word beside the tip of an arrow, on its outer side and within the plane.
function besideTip(pair, reach, words) {
  const [x, y] = onPage(pair, reach);
  const right = pair[0] >= 0;
  const width = 8 * words.length + 4;
  const inside = right ? Math.min(x + 8, SIDE - width) : Math.max(x - 8, width);
  return { x: inside, y: Math.min(Math.max(y + (pair[1] >= 0 ? -8 : 18), 14), SIDE - 5), right, width };
}

// Words of arrows that never move: push later ones away from the horizontal axis until no two overlap.
function placeWords(svg, pairs, labels, reach) {
  const taken = [];
  pairs.forEach((pair, i) => {
    const place = besideTip(pair, reach, labels[i]);
    const left = place.right ? place.x : place.x - place.width;
    const clash = (other) => Math.abs(other.y - place.y) < 15 && left < other.left + other.width && other.left < left + place.width;
    const away = pair[1] >= 0 ? -3 : 3;
    while (taken.some(clash) && place.y > 20 && place.y < SIDE - 20) place.y += away;
    taken.push({ left, width: place.width, y: place.y });
    draw("text", svg, { x: place.x, y: place.y, "text-anchor": place.right ? "start" : "end" }).textContent = labels[i];
  });
  return taken;
}

// The word that moves is not shown while it would lie on another one.
function moveWord(word, pair, reach, taken, gap) {
  const place = besideTip(pair, reach, word.textContent);
  const x = place.x + (place.right ? gap : -gap);
  const left = place.right ? x : x - place.width;
  const clash = taken.some((other) => Math.abs(other.y - place.y) < 15 && left < other.left + other.width && other.left < left + place.width);
  setAll(word, { x, y: place.y, "text-anchor": place.right ? "start" : "end", visibility: clash ? "hidden" : "visible" });
}

function keyPlane(parent, model) {
  const reach = model.get("reach");
  const keys = model.get("key_points");
  const svg = plane(parent, "Query and keys", reach);
  setAll(svg, { role: "group", "aria-label": "Plane with the keys and the query" });
  const ties = keys.map(() => draw("line", svg, { class: "course-tie" }));
  keys.forEach((key) => arrow(svg, "key", reach)(key));
  const moveArrow = arrow(svg, "query", reach);
  const taken = placeWords(svg, keys, model.get("labels"), reach);
  const name = draw("text", svg, {});
  name.textContent = "query";
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
    moveWord(name, query, reach, taken, 6);
    handle.setAttribute("transform", `translate(${x} ${y})`);
    setAll(handle, { "aria-valuenow": fixed(query[0]), "aria-valuetext": `x ${fixed(query[0])}, y ${fixed(query[1])}` });
    ties.forEach((tie, i) => {
      const [x2, y2] = onPage(keys[i], reach);
      setAll(tie, { x1: x, y1: y, x2, y2, "stroke-width": 1 + 9 * weights[i], "stroke-opacity": 0.15 + 0.85 * weights[i] });
    });
  };
  return { svg, handle, update };
}

function valuePlane(parent, model) {
  const reach = model.get("reach");
  const values = model.get("value_points");
  const svg = plane(parent, "Values and output", reach);
  svg.setAttribute("role", "img");
  values.forEach((value) => arrow(svg, "value", reach)(value));
  const path = draw("polyline", svg, { class: "course-path" });
  const moveOutput = arrow(svg, "output", reach);
  const taken = placeWords(svg, values, model.get("labels"), reach);
  const name = draw("text", svg, {});
  name.textContent = "output";
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
    moveWord(name, output, reach, taken, 0);
    svg.setAttribute("aria-label", `Plane with the values; the output is at ${point(output)}`);
  };
  return { update };
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
  model.on("change:query", update);
  model.on("change:temperature", update);
  return () => {
    clearTimeout(sending);
    clearTimeout(speaking);
    model.off("change:query", update);
    model.off("change:temperature", update);
  };
}

export default { render };
