// Make an element with properties and children.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "list") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// Write a symbol such as "g_Na" with its index below.
export function symbolOf(symbol) {
  const [base, index] = symbol.split("_");
  const found = make("span", {className: "symbol", "data-symbol": symbol}, make("i", {}, base));
  if (index) found.append(make("sub", {}, index));
  return found;
}
