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
  image.width = bytes.getUint32(16); // a PNG says its own size: the page does not jump while it loads
  image.height = bytes.getUint32(20);
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  if (old) URL.revokeObjectURL(old);
}

// JupyterLab reads arrow keys, Enter and letters as commands unless the very element that has the focus says no.
function keepKeys(root) {
  for (const node of root.querySelectorAll("input, select, button, [tabindex]")) node.dataset.lmSuppressShortcuts = "true";
}
