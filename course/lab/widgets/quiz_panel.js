// Multiple-choice questions that answer at once. Nothing is sent to the kernel and nothing is counted.

let questionsMade = 0; // makes the names of radio groups unique on the page

// Text between backticks becomes code, text between dollar signs a formula; everything else stays text.
function write(node, text) {
  node.replaceChildren();
  for (const part of text.split(/(`[^`]*`|\$[^$]*\$)/)) {
    if (part.length > 1 && part.startsWith("`")) make("code", "", node, part.slice(1, -1));
    else if (part.length > 1 && part.startsWith("$")) writeFormula(make("i", "", node), part.slice(1, -1));
    else node.append(part);
  }
}

const SIGNS = { sqrt: "\u221a", cdot: "\u00b7", times: "\u00d7", top: "\u22a4", infty: "\u221e", ge: "\u2265", le: "\u2264", neq: "\u2260", to: "\u2192" };

// As much of TeX as a question needs: names of signs, and what stands above or below the line.
function writeFormula(node, formula) {
  const plain = formula.replace(/\\([a-zA-Z]+)\s*/g, (_, name) => SIGNS[name] ?? name);
  for (const part of plain.split(/([_^](?:\{[^}]*\}|.))/)) {
    const inner = part.slice(1).replace(/[{}]/g, "");
    if (part.startsWith("_")) make("sub", "", node, inner);
    else if (part.startsWith("^")) make("sup", "", node, inner);
    else node.append(part.replace(/[{}]/g, ""));
  }
}

function ask(question, number, parent) {
  const group = `course-question-${(questionsMade += 1)}`;
  const fieldset = make("fieldset", "", parent);
  write(make("legend", "", fieldset), `${number}. ${question.prompt}`);
  const answer = make("p", "course-answer");
  answer.setAttribute("role", "status");
  for (const choice of question.choices) {
    const label = make("label", "", fieldset);
    const radio = make("input", "", label);
    Object.assign(radio, { type: "radio", name: group, value: choice });
    write(make("span", "", label), choice);
    radio.addEventListener("change", () => reply(question, choice, answer));
  }
  fieldset.append(answer);
}

function reply(question, choice, answer) {
  const right = choice === question.answer;
  answer.classList.toggle("course-right", right);
  answer.classList.toggle("course-other", !right);
  write(answer, `${right ? "Yes." : "Not this one."} ${question.why[choice] ?? ""}`);
}

function render({ model, el }) {
  const root = make("div", "course-widget course-quiz", el);
  model.get("questions").forEach((question, index) => ask(question, index + 1, root));
  keepKeys(root);
}

export default { render };
