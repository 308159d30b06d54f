// A file from the visitor's disk: chosen or dropped. It never leaves this machine.
import {make} from "./make.js";

export function picker({label, accept, largest, read}) {
  const input = make("input", {type: "file", accept, className: "hidden"});
  const problem = make("p", {className: "problem", role: "alert", hidden: true});
  const button = make("button", {type: "button"}, label);
  const say = (sentence) => { problem.textContent = sentence; problem.hidden = !sentence; };
  const take = async (file) => {
    if (!file) return;
    if (file.size > largest) return say(`${file.name} has ${size(file.size)}, but the limit is ${size(largest)}`);
    say("");
    try { await read(file); } catch (error) { say(`${file.name} could not be read: ${error.message}`); }
  };
  button.onclick = () => input.click();
  input.onchange = () => { take(input.files[0]); input.value = ""; };
  const zone = make("div", {className: "picker"}, button, input, problem);
  zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (event) => { event.preventDefault(); zone.classList.remove("over"); take(event.dataTransfer.files[0]); };
  return zone;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`;
}
