// xterm.js writes <style> elements and style attributes, which the page's Content-Security-Policy refuses. Both are led
// through the CSSOM instead, which the policy allows. (Its option documentOverride does not reach either place in 6.0.0.)

function styleStandIn() {
  const element = Document.prototype.createElement.call(document, "span");
  const sheet = new CSSStyleSheet();
  let text = "";
  element.hidden = true;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set(value) {
      text = value;
      sheet.replaceSync(value);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

// Runs `open`, which creates a terminal; the <style> elements that it asks for become stand-ins.
export function withStyleStandIns(open) {
  document.createElement = (name, options) =>
    name === "style" ? styleStandIn() : Document.prototype.createElement.call(document, name, options);
  try {
    open();
  } finally {
    delete document.createElement;
  }
}

// Colours outside the palette arrive as style attributes of spans.
HTMLSpanElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
};
