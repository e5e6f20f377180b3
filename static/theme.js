// The theme follows the system until somebody chooses; the choice is kept in this browser alone.
const choices = ["system", "light", "dark"];
const button = document.getElementById("theme");

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.lastChild.textContent = `: ${theme}`;
}
function kept() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}
let theme = choices.includes(kept()) ? kept() : "system";
button.addEventListener("click", () => {
  theme = choices[(choices.indexOf(theme) + 1) % choices.length];
  try { localStorage.setItem("theme", theme); } catch { /* private mode: it lasts as long as the page */ }
  show(theme);
});
show(theme);
