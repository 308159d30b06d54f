// Light and dark, and the colours in which pictures are drawn: Okabe and Ito's for lines, Paul Tol's for classes.
const LIGHT = {
  paper: "#ffffff", ink: "#1b1f24", faint: "#5c6670", grid: "#e6e9ec", ghost: "#9aa3ab", zero: [255, 255, 255],
  lines: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A7A7A"],
  classes: ["#332288", "#CC6677", "#44AA99", "#DDCC77", "#88CCEE", "#117733", "#AA4499", "#999933", "#882255", "#000000"],
};
const DARK = {
  paper: "#15191e", ink: "#e8ecef", faint: "#a3adb6", grid: "#2a3138", ghost: "#77818a", zero: [21, 25, 30],
  lines: ["#56B4E9", "#F08A3C", "#2FC49B", "#E79AC4", "#9AD2F2", "#F0C75E", "#B0B0B0"],
  classes: ["#77AADD", "#EE8866", "#44BB99", "#EEDD88", "#99DDFF", "#BBCC33", "#FFAABB", "#AAAA00", "#DDDDDD", "#FFFFFF"],
};
const listeners = [];

export const isDark = () => document.documentElement.dataset.theme === "dark";
export const colors = () => (isDark() ? DARK : LIGHT);
export const onTheme = (listener) => listeners.push(listener);

export function followTheme(button) {
  const set = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "Light" : "Dark";
    listeners.forEach((listener) => listener());
  };
  button.onclick = () => { set(!isDark()); localStorage.setItem("theme", isDark() ? "dark" : "light"); };
  const stored = localStorage.getItem("theme");
  set(stored ? stored === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
}
