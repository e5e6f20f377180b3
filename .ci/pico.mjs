// Cuts Pico's sheet down to what the pages use: node pico.mjs PICO KEPT WRITTEN, in a folder that has postcss and its parser.
// A selector goes that names an element, class or attribute that KEPT does not list, or that KEPT has in a line after "- ":
// no page has what it stands for, though it has all of its parts. So do the colour schemes, for every colour is set by
// poolscope.css; transitions, for nothing here moves by itself; the values of variables that it sets and KEPT lists; and in the
// end the variables and animations that nothing reads any more.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const load = createRequire(`${process.cwd()}/`);
const postcss = load("postcss");
const parser = load("postcss-selector-parser");
const [source, kept, written] = process.argv.slice(2);
const lines = readFileSync(kept, "utf8").split("\n").filter(line => !line.startsWith("#"));
const without = new Set(lines.filter(line => line.startsWith("- ")).map(line => line.slice(2)));
const names = new Set(lines.filter(line => !line.startsWith("- ")).join(" ").split(/\s+/));

function isUsed(node) {
  switch (node.type) {
    case "tag": return /^\d+%$|^from$|^to$/.test(node.value) || names.has(node.value);
    case "class": return names.has(`.${node.value}`);
    case "attribute": return names.has(node.value === undefined ? `[${node.attribute}]` : `[${node.attribute}=${node.value}]`);
    case "pseudo":
      if (node.value === ":host" || /^:{1,2}-(ms|moz|o)-/.test(node.value) && !/range|progress|selection/.test(node.value)) return false;
      if (node.value === ":not" && node.nodes.length) {
        // What is never there need not be left out. One stays, for a selector weighs as much as the weightiest of them.
        for (const each of [...node.nodes]) if (node.nodes.length > 1 && !each.nodes.every(isUsed)) each.remove();
        return true;
      }
      if (node.nodes.length === 0) return true;
      for (const each of [...node.nodes]) if (!each.nodes.every(isUsed)) each.remove();
      return node.nodes.length > 0;
    default: return true;
  }
}
const pruned = parser(selectors => selectors.each(selector => {
  let scheme = false;
  selector.walkAttributes(node => { scheme ||= node.attribute === "data-theme"; });
  if (scheme || without.has(String(selector)) || !selector.nodes.every(isUsed)) selector.remove();
}));

const root = postcss.parse(readFileSync(source, "utf8"));
root.walkAtRules(/^-moz-document$|^charset$/, rule => rule.remove());
root.walkRules(rule => {
  if (rule.parent.type === "atrule" && rule.parent.name.endsWith("keyframes")) return;
  rule.selector = pruned.processSync(rule.selector);
  if (!rule.selector) rule.remove();
});
root.walkDecls(/^(-webkit-|-moz-)?transition$/, declaration => declaration.remove());
root.walkRules(":root", rule => rule.walkDecls(declaration => { if (names.has(declaration.prop)) declaration.remove(); }));
root.walkComments(comment => { if (!comment.text.startsWith("!")) comment.remove(); });
for (let before = ""; before !== (before = root.toString());) {
  root.walkDecls(/^--/, declaration => { if (!before.includes(`var(${declaration.prop}`)) declaration.remove(); });
  root.walkAtRules("keyframes", rule => { if (!new RegExp(`animation[^;}]*${rule.params}\\b`).test(before)) rule.remove(); });
  root.walk(node => { if (node.nodes?.length === 0) node.remove(); });
}
writeFileSync(written, root.toString());
