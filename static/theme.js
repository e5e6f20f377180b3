// The theme follows the system until somebody chooses; the choice is kept in this browser alone.
const choices = ["system", "light", "dark"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const button = document.getElementById("theme");

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.childNodes[1].textContent = theme;
  button.lastChild.textContent = theme === "system" ? ` (${dark.matches ? "dark" : "light"})` : "";
}
// From the system's on, each press but the last of a round changes what is seen: first to what the system is not.
function following() {
  const round = dark.matches ? ["system", "light", "dark"] : ["system", "dark", "light"];
  return round[(round.indexOf(theme) + 1) % round.length];
}
function kept() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}
let theme = choices.includes(kept()) ? kept() : "system";
button.addEventListener("click", () => {
  theme = following();
  try { localStorage.setItem("theme", theme); } catch { /* private mode: it lasts as long as the page */ }
  show(theme);
});
show(theme);
dark.addEventListener("change", () => show(theme));
