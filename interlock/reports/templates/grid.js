// The table of one sheet: drawn when it is shown, and again when a filter hides something of it.
const box = document.getElementById("grid");
const pointed = document.getElementById("pointed");

/** What is drawn: a sheet, the numbers of its visible rows and columns, and which of its cells pass the filters. */
let view = { sheet: sheets[0], rows: [], columns: [], passes: () => true };
let table = null;
let current = null; // the one cell that the Tab key reaches
let hot = [];

function drawGrid(next) {
  view = next;
  hot = [];
  current = null;
  if (!view.rows.length || !view.columns.length) {
    box.replaceChildren(element("p", { class: "none" }, "No pair passes the filters."));
    return;
  }
  table = element("table", { role: "grid", "aria-readonly": "true", "aria-label": `${view.sheet.upstream} by column, ${view.sheet.downstream} by row` });
  table.style.setProperty("--cell", `${cellSize(view.columns.length)}px`);
  table.append(head(), body());
  box.replaceChildren(table);
  makeReachable(firstCell());
}

/** As large as the width allows, in pixels; never too small to read, nor for a finger. */
function cellSize(columns) {
  const least = matchMedia("(pointer: coarse)").matches ? 26 : 17;
  return Math.max(least, Math.min(28, Math.floor((box.parentElement.clientWidth - 90) / columns)));
}

function head() {
  const { sheet, columns } = view;
  const label = `${sheet.downstream} by row, ${sheet.upstream} by column`;
  const [down, right] = withoutFamily(sheet.downstream, sheet.upstream);
  const corner = element("th", { class: "corner", scope: "col", "aria-label": label }, `↓ ${down}`, element("br"), `→ ${right}`);
  const versions = columns.map((column) => element("th", { scope: "col" }, element("span", {}, sheet.columns[column])));
  return element("thead", {}, element("tr", {}, corner, ...versions));
}

/** Two names without the words that both begin with: the corner is small. */
function withoutFamily(...names) {
  const [one, other] = names.map((name) => name.split("-"));
  let same = 0;
  while (same < Math.min(one.length, other.length) - 1 && one[same] === other[same]) same += 1;
  return [one.slice(same).join("-"), other.slice(same).join("-")];
}

function body() {
  const drawn = document.createElement("tbody");
  view.rows.forEach((row, y) => {
    const line = element("tr", {}, element("th", { scope: "row" }, view.sheet.rows[row][0]));
    view.columns.forEach((column, x) => line.append(drawCell(y, x)));
    drawn.append(line);
  });
  return drawn;
}

function drawCell(y, x) {
  const [row, column] = [view.rows[y], view.columns[x]];
  const cell = cellAt(view.sheet, row, column);
  const drawn = document.createElement("td");
  const edges = cell.declared ? outline(y, x) : "";
  if (!view.passes(row, column)) {
    drawn.className = `off${edges}`;
    drawn.setAttribute("aria-label", "hidden by the filters");
    return drawn;
  }
  const changed = view.sheet.changed[placeOf(view.sheet, row, column)] ? " changed" : "";
  drawn.className = `v-${verdictName(cell.shown)}${edges}${changed}`;
  drawn.tabIndex = -1;
  drawn.textContent = data.verdicts[cell.shown][SYMBOL];
  drawn.setAttribute("aria-label", cellInWords(view.sheet, row, column));
  return drawn;
}

/** The sides on which the declared range ends: together they draw one line around it. */
function outline(y, x) {
  const declared = (row, column) => row != null && column != null && cellAt(view.sheet, row, column).declared;
  const { rows, columns } = view;
  return (declared(rows[y - 1], columns[x]) ? "" : " t") + (declared(rows[y + 1], columns[x]) ? "" : " b")
    + (declared(rows[y], columns[x - 1]) ? "" : " l") + (declared(rows[y], columns[x + 1]) ? "" : " r");
}

const firstCell = () => table.querySelector("tbody td:not(.off)");

/** The place of a drawn cell: its row and column in the sheet. */
function placeOfDrawn(drawn) {
  return [view.rows[drawn.parentNode.sectionRowIndex], view.columns[drawn.cellIndex - 1]];
}

/** The drawn cell of a row and column of the sheet, if the filters leave it. */
function drawnAt(row, column) {
  const [y, x] = [view.rows.indexOf(row), view.columns.indexOf(column)];
  const drawn = y < 0 || x < 0 ? null : table.tBodies[0].rows[y].cells[x + 1];
  return drawn && !drawn.classList.contains("off") ? drawn : null;
}

function makeReachable(drawn) {
  if (current) current.tabIndex = -1;
  current = drawn;
  if (current) current.tabIndex = 0;
}

/** Point at a cell: its versions stand out, and its words stand above the table. */
function pointAt(drawn) {
  for (const header of hot) header.classList.remove("hot");
  hot = drawn ? [drawn.parentNode.cells[0], table.tHead.rows[0].cells[drawn.cellIndex]] : [];
  for (const header of hot) header.classList.add("hot");
  pointed.textContent = drawn ? cellInWords(view.sheet, ...placeOfDrawn(drawn)) : "";
}

/** The next cell in a direction that the filters leave, or the last one when `far`. */
function neighbour(drawn, down, right, far) {
  const lines = table.tBodies[0].rows;
  let [y, x, found] = [drawn.parentNode.sectionRowIndex + down, drawn.cellIndex + right, null];
  while (y >= 0 && y < lines.length && x >= 1 && x < lines[y].cells.length) {
    const next = lines[y].cells[x];
    if (!next.classList.contains("off")) {
      found = next;
      if (!far) break;
    }
    [y, x] = [y + down, x + right];
  }
  return found || drawn;
}

const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1, true], End: [0, 1, true],
  PageUp: [-1, 0, true], PageDown: [1, 0, true],
};

/** The cell that a key leads to; Home and End reach the row's ends, with Control the table's. */
function destination(drawn, event) {
  const move = MOVES[event.key];
  if (!move) return null;
  const reached = neighbour(drawn, ...move);
  const corner = event.ctrlKey && (event.key === "Home" || event.key === "End");
  return corner ? neighbour(reached, event.key === "Home" ? -1 : 1, 0, true) : reached;
}
