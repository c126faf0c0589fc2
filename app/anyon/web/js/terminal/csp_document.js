// xterm.js writes <style> elements and style attributes, which the page's Content-Security-Policy refuses. It takes the
// document to use as an option: this one hands out stand-ins that go through the CSSOM, which the policy allows.
// xterm 6.0.0 creates the scrollbar's <style> from window.document in spite of the option, while open() runs: `opening`.

function styleStandIn(doc) {
  const element = Document.prototype.createElement.call(doc, "span");
  const sheet = new CSSStyleSheet();
  let text = "";
  element.hidden = true;
  doc.adoptedStyleSheets = [...doc.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set(value) {
      text = value;
      sheet.replaceSync(value);
    },
  });
  element.remove = () => {
    doc.adoptedStyleSheets = doc.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

function withStyleAttribute(element) {
  const plain = element.setAttribute;
  element.setAttribute = (name, value) => {
    if (name === "style") element.style.cssText = value;
    else plain.call(element, name, value);
  };
  return element;
}

function creator(doc, create) {
  return (name, options) => {
    if (name === "style") return styleStandIn(doc);
    const element = create(name, options);
    return name === "span" ? withStyleAttribute(element) : element;
  };
}

export function cspDocument(doc = document) {
  const createElement = creator(doc, doc.createElement.bind(doc));
  return new Proxy(doc, {
    get(target, key) {
      if (key === "createElement") return createElement;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}

export function opening(open, doc = document) {
  doc.createElement = creator(doc, Document.prototype.createElement.bind(doc));
  try {
    open();
  } finally {
    delete doc.createElement;
  }
}
