// Weights that are dragged and heads that are switched off; the kernel writes the sentence again, and here it is shown.

const STEP = 0.1; // what a key adds to a weight
const DRAG = 120; // px of drag that change a weight by 1
const PATIENCE = 3000; // ms without an answer before it is said that no kernel answers
const KINDS = { encoder: "encoder", decoder: "decoder, itself", cross: "decoder, source" };

const said = (number) => number.toFixed(2);
const same = (a, b) => a.slice(0, 4).join() === b.slice(0, 4).join();

// ---- The switches of all heads ----

function switches(parent, heads, onChange) {
  const wide = Math.max(...heads.map(([, , n]) => n));
  const grid = make("div", "course-switches", parent);
  grid.style.gridTemplateColumns = `max-content repeat(${wide}, max-content)`;
  make("span", "course-title", grid, "heads");
  for (let head = 0; head < wide; head += 1) make("span", "course-title", grid, String(head + 1));
  const nodes = [];
  for (const [kind, layers, n] of heads) {
    for (let layer = 0; layer < layers; layer += 1) {
      make("span", "course-title course-row", grid, `${KINDS[kind]}, layer ${layer + 1}`);
      for (let head = 0; head < wide; head += 1) {
        const input = make("input", "", grid);
        input.type = "checkbox";
        input.hidden = head >= n;
        input.setAttribute("aria-label", `${KINDS[kind]}, layer ${layer + 1}, head ${head + 1}`);
        input.addEventListener("change", () => onChange([kind, layer, head], !input.checked));
        nodes.push([input, [kind, layer, head].join()]);
      }
    }
  }
  return (off) => {
    const names = new Set(off.map((each) => each.join()));
    for (const [input, name] of nodes) input.checked = !names.has(name);
  };
}

// ---- The map, whose cells can be dragged ----

// Returns what shows weights (rows of columns) with the cells that are set; a cell is changed by pointer or keys.
function map(parent, source, pieces, onSet, onRow) {
  parent.replaceChildren();
  const table = make("table", "", parent);
  table.setAttribute("role", "grid");
  table.setAttribute("aria-label", "cross-attention: rows are written, columns are the source");
  const head = make("tr", "", make("thead", "", table));
  make("td", "", head);
  for (const piece of source) make("span", "", make("th", "course-asked", head), piece).parentElement.scope = "col";
  const body = make("tbody", "", table);
  const rows = pieces.map((piece, row) => {
    const line = make("tr", "", body);
    const title = make("th", "course-asking", line, piece);
    title.scope = "row";
    title.addEventListener("click", () => onRow(row));
    return source.map((_, column) => {
      const cell = make("td", "course-cell", line);
      cell.setAttribute("role", "gridcell");
      cell.tabIndex = row || column ? -1 : 0;
      return cell;
    });
  });
  rows.forEach((cells, row) => cells.forEach((cell, column) => {
    cell.at = [row, column];
    cell.addEventListener("focus", () => onRow(row));
    cell.addEventListener("keydown", (event) => {
      const steps = { "+": STEP, "-": -STEP, "=": STEP, PageUp: STEP, PageDown: -STEP };
      const next = { ArrowDown: rows[row + 1]?.[column], ArrowUp: rows[row - 1]?.[column], ArrowRight: cells[column + 1], ArrowLeft: cells[column - 1] }[event.key];
      if (event.key in steps) onSet(row, column, clamp(cell.weight + steps[event.key]));
      else if (["Delete", "Backspace"].includes(event.key)) onSet(row, column, null);
      else if (next) {
        cell.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      } else return;
      event.preventDefault();
    });
  }));
  return (weights, isSet, at) => rows.forEach((cells, row) => {
    cells[0].parentElement.classList.toggle("course-here", row === at);
    cells.forEach((cell, column) => {
      const weight = weights[row][column];
      cell.weight = weight;
      cell.textContent = weight >= 0.045 ? said(weight) : "";
      cell.style.backgroundColor = ground(weight);
      cell.style.color = weight >= 0.78 ? "#ffffff" : "";
      cell.classList.toggle("course-set", isSet(row, column));
      cell.setAttribute("aria-label", `${pieces[row]} looks at ${source[column]}: ${said(weight)}${isSet(row, column) ? ", set by hand" : ""}`);
    });
  });
}

const clamp = (weight) => Math.round(100 * Math.min(1, Math.max(0, weight))) / 100;

// The table may be drawn anew while a weight is dragged, so its place listens and knows the cell by its row and column.
function drag(place, onSet) {
  let from = null;
  place.addEventListener("pointerdown", (event) => {
    const cell = event.target.closest(".course-cell");
    if (event.button !== 0 || !cell) return;
    from = { y: event.clientY, weight: cell.weight, at: cell.at };
    cell.focus();
    place.setPointerCapture(event.pointerId);
    event.preventDefault(); // no text is selected on the way
  });
  place.addEventListener("pointermove", (event) => {
    if (from) onSet(...from.at, clamp(from.weight + (from.y - event.clientY) / DRAG));
  });
  for (const name of ["pointerup", "pointercancel"]) place.addEventListener(name, () => { from = null; });
  place.addEventListener("dblclick", (event) => {
    const cell = event.target.closest(".course-cell");
    if (cell) onSet(...cell.at, null);
  });
}

// ---- Both translations, and the next piece at one place ----

function translation(parent, title, told, other) {
  const line = make("p", "course-written", parent);
  make("span", "course-title", line, `${title}:`);
  const words = told.text.split(" ");
  const compared = other.text.split(" ");
  const first = words.findIndex((word, i) => word !== compared[i]);
  words.forEach((word, i) => {
    make("span", i === first ? "course-differs" : "", line, word);
    line.append(" ");
  });
  if (!told.finished) make("span", "course-title", line, "(stopped: it did not end)");
  return first >= 0 || compared.length > words.length;
}

function bars(parent, title, best) {
  const table = make("table", "course-bars", parent);
  make("caption", "", table, title);
  const body = make("tbody", "", table);
  for (const [piece, share] of best) {
    const line = make("tr", "", body);
    make("th", "", line, piece).scope = "row";
    const bar = make("span", "course-bar", make("td", "", line));
    bar.style.width = `${Math.round(100 * share)}px`;
    make("td", "course-share", line, said(share));
  }
}

// Give the focus back to a cell, or to the last row where the translation has become shorter.
function refocus(place, [row, column]) {
  const lines = place.querySelectorAll("tbody tr");
  const cells = lines[Math.min(row, lines.length - 1)].querySelectorAll(".course-cell");
  place.querySelector(".course-cell[tabindex='0']").tabIndex = -1;
  const cell = cells[Math.min(column, cells.length - 1)];
  cell.tabIndex = 0;
  cell.focus();
}

// ---- All together ----

function render({ model, el }) {
  const root = make("div", "course-widget course-edit", el);
  const panel = make("div", "course-panel", root);
  const field = labelled(panel, "English", make("input"));
  Object.assign(field, { type: "text", size: 52, value: model.get("asked").text });
  const list = labelled(panel, "or", make("select"));
  for (const text of ["an example", ...model.get("examples")]) make("option", "", list, text).value = text;
  const problem = make("p", "course-error", root);
  const shown = make("div", "course-shown", root);
  const left = make("div", "", shown);
  const choices = make("div", "course-panel", left);
  const layers = labelled(choices, "layer", make("select"));
  const heads = labelled(choices, "head", make("select"));
  const place = make("div", "course-map", left);
  const right = make("div", "", shown);
  const both = make("div", "course-both", root);
  both.setAttribute("role", "status");
  const nexts = make("div", "course-nexts", root);
  make("p", "course-help", root, "Drag a weight up or down, or press + and \u2212 on it; double-click or Delete lets it go. Rows are the pieces that are written, columns those of the source; a frame marks what was set. A box without its tick is a head that is off.");

  let wanted = structuredClone(model.get("asked"));
  let waiting = false, again = false, late, drawn = "", show, row = 0;

  const ask = (values) => {
    wanted = { ...wanted, ...values };
    if (waiting) { again = true; return; } // one question at a time; the last one is asked when the answer is there
    waiting = true;
    again = false;
    wanted.number += 1;
    model.set("asked", structuredClone(wanted));
    model.save_changes();
    clearTimeout(late);
    late = setTimeout(() => {
      waiting = false;
      problem.hidden = false;
      problem.textContent = "No kernel answers: run the cell again.";
    }, PATIENCE);
  };
  const chosen = () => [Number(layers.value), Number(heads.value)];
  const setCell = (at, column, weight) => {
    const cell = [...chosen(), at, column, weight];
    const others = wanted.cells.filter((each) => !same(each, cell));
    ask({ cells: weight === null ? others : [...others, cell] });
  };
  const switched = (head, isOff) => {
    const others = wanted.off.filter((each) => each.join() !== head.join());
    ask({ off: isOff ? [...others, head] : others });
  };
  drag(place, setCell);
  const showSwitches = switches(right, model.get("heads"), switched);
  const reset = make("button", "", right, "Undo all");
  reset.type = "button";
  reset.addEventListener("click", () => ask({ off: [], cells: [] }));
  const translate = (text) => {
    field.value = text;
    row = 0;
    ask({ text, cells: [] }); // weights belong to places of a sentence, switches do not
  };
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") translate(field.value); });
  list.addEventListener("change", () => { if (list.selectedIndex) translate(list.value); });

  const [, , n] = model.get("heads").at(-1);
  for (let layer = 0; layer < model.get("heads").at(-1)[1]; layer += 1) make("option", "", layers, String(layer + 1)).value = layer;
  layers.value = layers.options.length - 1;
  for (const head of [-1, ...Array(n).keys()]) make("option", "", heads, head < 0 ? `all ${n}` : String(head + 1)).value = head;

  const weights = () => {
    const { pieces, source } = model.get("changed");
    const bytes = model.get("cross");
    const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const [layer, head] = chosen();
    const of = (h, t, s) => numbers[((layer * n + h) * pieces.length + t) * source.length + s];
    const off = new Set(wanted.off.map((each) => each.join()));
    const on = [...Array(n).keys()].filter((h) => !off.has(["cross", layer, h].join()));
    const mean = (t, s) => on.reduce((sum, h) => sum + of(h, t, s), 0) / Math.max(1, on.length); // of those that look
    return pieces.map((_, t) => source.map((__, s) => (head < 0 ? mean(t, s) : of(head, t, s))));
  };
  const update = () => {
    problem.hidden = !model.get("error");
    problem.textContent = model.get("error");
    if (model.get("error")) return;
    const [untouched, changed] = [model.get("untouched"), model.get("changed")];
    const words = JSON.stringify([changed.source, changed.pieces]);
    if (words !== drawn) {
      drawn = words;
      const focused = place.contains(document.activeElement) ? document.activeElement.at : null;
      show = map(place, changed.source, changed.pieces, setCell, (at) => { row = at; light(); });
      keepKeys(root);
      if (focused) refocus(place, focused);
    }
    row = Math.min(row, changed.pieces.length - 1);
    showSwitches(wanted.off);
    both.replaceChildren();
    translation(both, "untouched", untouched, changed);
    const differs = translation(both, "changed", changed, untouched);
    if (!differs) make("p", "course-title", both, "The same words.");
    light();
  };
  const light = () => {
    const [untouched, changed] = [model.get("untouched"), model.get("changed")];
    const [layer, head] = chosen();
    show(weights(), (t, s) => wanted.cells.some((each) => same(each, [layer, head, t, s])), row);
    nexts.replaceChildren();
    const before = row ? `after ${changed.pieces[row - 1]}` : "at the start";
    if (untouched.best[row]) bars(nexts, `untouched, piece ${row + 1}`, untouched.best[row]);
    bars(nexts, `changed, piece ${row + 1}, ${before}`, changed.best[row]);
  };
  const answered = () => {
    clearTimeout(late);
    waiting = false;
    update();
    if (again) ask({});
  };
  layers.addEventListener("change", light);
  heads.addEventListener("change", light);
  keepKeys(root);
  update();
  model.on("change:answered", answered);
  return () => {
    clearTimeout(late);
    model.off("change:answered", answered);
  };
}

export default { render };
