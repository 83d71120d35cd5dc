// What several widgets need; it stands before the script of each of them.

function make(tag, className, parent, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

// Show the picture in the trait `frame` with its text `alt`; an empty one is hidden.
function showPicture(model, image) {
  const bytes = model.get("frame");
  const old = image.src;
  const place = image.parentElement.style; // an error takes no less room than the picture before it
  if (!image.hidden && image.offsetHeight) place.minHeight = `${image.offsetHeight}px`;
  image.hidden = bytes.byteLength === 0;
  image.alt = model.get("alt");
  if (image.hidden) return;
  place.minHeight = "";
  const density = densityOf(bytes); // a PNG says its own size: the page does not jump while it loads
  image.width = Math.round(bytes.getUint32(16) / density);
  image.height = Math.round(bytes.getUint32(20) / density);
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  if (old) URL.revokeObjectURL(old);
}

// How many pixels of a PNG stand for one of the page: from its chunk pHYs (dots a meter), where it has one.
function densityOf(bytes) {
  const named = bytes.byteLength > 45 && bytes.getUint32(37) === 0x70485973;
  return named ? Math.max(1, Math.round((bytes.getUint32(41) * 0.0254) / 72)) : 1;
}

// Markup from the kernel becomes nodes of these tags and attributes only; nothing in it runs, and nothing is fetched.
const TAGS = new Set("b br caption code div em img p span strong table tbody td th thead tr".split(" "));
const ATTRIBUTES = new Set(["alt", "colspan", "lang", "rowspan", "scope", "src", "style", "width"]);

function readMarkup(text) {
  const { body } = new DOMParser().parseFromString(text, "text/html");
  for (const node of [...body.querySelectorAll("*")]) {
    if (!TAGS.has(node.localName)) node.remove();
    for (const { name, value } of [...node.attributes]) {
      const foreign = name === "src" ? !value.startsWith("data:image/") : value.includes("url(");
      if (foreign || !ATTRIBUTES.has(name)) node.removeAttribute(name);
    }
  }
  return [...body.childNodes];
}

// Show markup with its text `alt` in a place of its own; "" hides the place. Pictures in it are read before they appear.
function showMarkup(place, text, alt) {
  const room = place.parentElement.style;
  if (!place.hidden && place.offsetHeight) room.minHeight = `${place.offsetHeight}px`;
  place.hidden = text === "";
  if (place.hidden) return;
  const nodes = readMarkup(text);
  const images = nodes.flatMap((node) => (node.querySelectorAll ? [node, ...node.querySelectorAll("img")] : [])).filter((node) => node.localName === "img");
  const put = () => {
    if (place.wanted !== text) return; // a newer one is on its way
    room.minHeight = "";
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", alt);
    place.replaceChildren(...nodes);
  };
  place.wanted = text;
  if (images.length) Promise.allSettled(images.map((image) => image.decode())).then(put);
  else put();
}

// JupyterLab reads arrow keys, Enter and letters as commands unless the very element that has the focus says no.
function keepKeys(root) {
  for (const node of root.querySelectorAll("input, select, button, [tabindex]")) node.dataset.lmSuppressShortcuts = "true";
}

// The ground of a cell that holds a share, as opaque as in the maps of the course (`course.lab.drawing.tables.opacity`).
function ground(share) {
  const opacity = share < 0.78 ? Math.min(share ** 1.2, 0.74) : 0.87 + (0.13 * (Math.min(share, 1) - 0.78)) / 0.22;
  return opacity >= 0.005 ? `rgba(165, 60, 135, ${opacity.toFixed(2)})` : "transparent";
}

// An id that no other input has: all widgets of a page count together, since each of them loads this script anew.
function freshId() {
  window.courseInputs = (window.courseInputs ?? 0) + 1;
  return `course-input-${window.courseInputs}`;
}

// An input after its label, in a place of their own.
function labelled(parent, text, input) {
  input.id = freshId();
  const place = make("span", "course-control", parent);
  make("label", "", place, text).htmlFor = input.id;
  place.append(input);
  return input;
}
