// A sentence goes to the kernel; its translations, and the map of the words that they looked at, come back.

const PATIENCE = 3000; // ms without an answer before the panel says that it waits
const PAUSE = 300; // ms of rest before the answer is read aloud

function buildForm(parent, onAsk) {
  const form = make("form", "course-ask", parent);
  const label = make("label", "", form, "An English sentence");
  const input = make("input", "", form);
  Object.assign(input, { type: "text", id: freshId(), autocomplete: "off", spellcheck: false, lang: "en", maxLength: 2000 });
  label.htmlFor = input.id;
  const button = make("button", "course-go", form, "Translate");
  button.type = "submit";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    onAsk(input.value);
    if (document.activeElement === input) input.select(); // the next sentence replaces this one
  });
  // Nothing typed here is a command of the notebook.
  form.addEventListener("keydown", (event) => event.stopPropagation());
  return input;
}

function button(parent, text, lead, onClick) {
  const node = make("button", "course-pick", parent, text);
  node.type = "button";
  if (lead) node.setAttribute("aria-label", `${lead} ${text}`);
  node.addEventListener("click", onClick);
  return node;
}

function showTranslations(list, languages) {
  list.replaceChildren();
  for (const [name, code, text] of languages) {
    make("dt", "", list, name);
    const translation = make("dd", "", list, text || "(nothing)");
    if (code) translation.lang = code;
  }
}

// Every occurrence of a word as a whole; JavaScript's own word boundary knows no accents.
function replaced(sentence, word, other) {
  return sentence.split(/([^\p{L}\p{M}\p{N}'\u2019-]+)/u).map((part) => (part === word ? matched(word, other) : part)).join("");
}

function matched(word, other) {
  const capital = word.charAt(0) !== word.charAt(0).toLowerCase();
  return capital ? other.charAt(0).toUpperCase() + other.slice(1) : other;
}

function showNotes(parent, model, ask) {
  parent.replaceChildren();
  for (const note of model.get("notes")) make("p", "", parent, note);
  for (const [word, near] of model.get("strange")) {
    const line = make("p", "course-near", parent, `Instead of \u201c${word}\u201d: `);
    for (const other of near) button(line, other, `Instead of ${word}, take`, () => ask(replaced(model.get("asked").text, word, other)));
  }
  keepKeys(parent);
}

function read(model) {
  if (model.get("error")) return ""; // the alert has said it
  const said = model.get("languages").map(([name, , text]) => `${name}: ${text}`);
  return [...said, ...model.get("notes")].join(" ");
}

function render({ model, el }) {
  const root = make("div", "course-widget course-translate", el);
  const input = buildForm(root, (text) => ask(text));
  const tries = make("div", "course-tries", root);
  make("span", "", tries, "Or take one of these:");
  for (const example of model.get("examples")) button(tries, example, "", () => ask(example));
  const translations = make("dl", "", root);
  const notes = make("div", "course-notes", root);
  const figure = make("figure", "", root);
  const maps = make("div", "course-markup", figure);
  const error = make("p", "course-error", figure);
  error.setAttribute("role", "alert");
  const waiting = make("p", "course-waiting", root, "Waiting for the kernel: it is busy, or not running.");
  const known = make("details", "", root);
  make("summary", "", known, "The words that the translators know");
  make("p", "", known, model.get("vocabulary"));
  const spoken = make("div", "course-spoken", root);
  spoken.setAttribute("role", "status");
  let patience, pause;

  function ask(text) {
    input.value = text;
    clearTimeout(patience);
    patience = setTimeout(() => { waiting.hidden = false; }, PATIENCE);
    root.setAttribute("aria-busy", "true");
    model.set("asked", { text, number: model.get("asked").number + 1 });
    model.save_changes();
  }
  const showAnswer = () => {
    showTranslations(translations, model.get("languages"));
    translations.hidden = model.get("languages").length === 0;
    showNotes(notes, model, ask);
    showMarkup(maps, model.get("markup"), model.get("alt"));
    error.hidden = model.get("error") === "";
    error.textContent = model.get("error");
  };
  const onAnswered = () => {
    if (model.get("answered") !== model.get("asked").number) return; // a newer question is on its way
    clearTimeout(patience);
    clearTimeout(pause);
    waiting.hidden = true;
    root.removeAttribute("aria-busy");
    showAnswer();
    pause = setTimeout(() => { spoken.textContent = read(model); }, PAUSE);
  };
  const onAsked = () => { if (document.activeElement !== input) input.value = model.get("asked").text; };
  input.value = model.get("asked").text;
  waiting.hidden = true;
  showAnswer();
  keepKeys(root);
  model.on("change:answered", onAnswered);
  model.on("change:asked", onAsked);
  return () => {
    clearTimeout(patience);
    clearTimeout(pause);
    model.off("change:answered", onAnswered);
    model.off("change:asked", onAsked);
  };
}

export default { render };
