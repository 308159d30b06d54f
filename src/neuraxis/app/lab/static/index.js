// The list of all pages, by chapter.
import {make} from "./make.js";
import {followTheme} from "./theme.js";

followTheme(document.getElementById("theme"));
const chapters = await (await fetch("/api/pages")).json();
document.getElementById("chapters").replaceChildren(...chapters.map(({chapter, pages}) =>
  make("section", {}, make("h2", {}, chapter), make("div", {className: "cards"}, ...pages.map((page) =>
    make("a", {className: "card", href: `/${page.name}`}, make("h3", {}, page.title), make("p", {}, page.summary)))))));
