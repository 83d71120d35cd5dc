// A button; the kernel lets a translator run on the learner's wrong piece, and here stands what it says.

function words(parent, text, differs, language) {
  const line = make("span", "", parent);
  line.lang = language;
  text.split(" ").forEach((word, i) => {
    if (i) line.append(" ");
    make("span", i === differs ? "course-differs" : "", line, word);
  });
  if (differs >= text.split(" ").length) make("span", "course-note", line, " (ends too early)");
}

function table(parent, said) {
  parent.replaceChildren();
  for (const [english, right, broken, differs, problem] of said) {
    const block = make("dl", "", parent);
    const row = (name, fill) => {
      make("dt", "", block, name);
      fill(make("dd", "", block));
    };
    row("English", (place) => words(place, english, -1, "en"));
    row("translator", (place) => words(place, right, -1, "de"));
    row("with yours", (place) => {
      if (problem) make("code", "", place, problem);
      else if (broken) words(place, broken, differs, "de");
      else make("span", "course-note", place, "(nothing)");
      if (!problem && differs < 0) make("span", "course-note", place, " \u2013 the same: your mistake does not show here");
    });
  }
}

function render({ model, el }) {
  const root = make("div", "course-widget course-speaking", el);
  const button = make("button", "", root, `Let your ${model.get("exercise")} speak German`);
  button.type = "button";
  const state = make("p", "course-note", root);
  state.setAttribute("role", "status");
  const place = make("div", "", root);
  button.addEventListener("click", () => {
    state.textContent = "The translator runs on your piece: some seconds, the first time.";
    model.set("asked", model.get("asked") + 1);
    model.save_changes();
  });
  const show = () => {
    if (!model.get("answered")) return;
    state.textContent = model.get("error") || "The first word that is another is underlined.";
    table(place, model.get("said"));
  };
  keepKeys(root);
  show();
  model.on("change:answered", show);
  return () => model.off("change:answered", show);
}

export default { render };
