// Which cells are shown, and what chooses it.
const form = document.getElementById("filters");
const shownLine = document.getElementById("shown");
const toggles = document.getElementById("verdicts");

/** One button for each verdict of a sheet: the legend and the filter in one. */
function drawToggles(sheet) {
  const numbers = new Array(data.verdicts.length).fill(0);
  for (const kind of sheet.cells) numbers[sheet.kinds[kind].shown] += 1;
  const buttons = data.verdicts.map(([name, symbol, meaning], number) => numbers[number] > 0
    && element("button", { type: "button", class: `toggle v-${name}`, "aria-pressed": "true", "data-verdict": number, title: meaning },
      `${symbol} ${name} ${numbers[number].toLocaleString("en")}`));
  const used = data.verdicts.filter((_, number) => numbers[number] > 0);
  document.querySelector("#legend dl").replaceChildren(...used.flatMap(([name, symbol, meaning]) => [
    element("dt", {}, element("span", { class: `chip v-${name}` }, `${symbol} ${name}`)), element("dd", {}, meaning),
  ]));
  const changed = form.elements.changed;
  changed.parentElement.hidden = Object.keys(sheet.changed).length === 0;
  if (changed.parentElement.hidden) changed.checked = false;
  toggles.replaceChildren(toggles.querySelector("legend"), ...buttons.filter(Boolean));
}

/** The view of a sheet under the filters as they stand; rows and columns without a cell to show are left out. */
function filtered(sheet) {
  const passes = passing(sheet);
  const [rows, columns] = [new Set(), new Set()];
  const [wantedRows, wantedColumns] = versionsWanted(sheet);
  let shown = 0;
  for (const row of wantedRows) {
    for (const column of wantedColumns) {
      if (!passes(row, column)) continue;
      shown += 1;
      rows.add(row);
      columns.add(column);
    }
  }
  const ascending = (numbers) => [...numbers].sort((one, other) => one - other);
  shownLine.textContent = shown === sheet.cells.length
    ? `${counted(shown, "pair")}: ${sheet.columns.length} × ${sheet.rows.length} versions.`
    : `${counted(shown, "pair")} of ${sheet.cells.length.toLocaleString("en")} shown.`;
  return { sheet, rows: ascending(rows), columns: ascending(columns), passes };
}

/** Whether a cell passes all filters but the versions'; worked out once for each kind of cell. */
function passing(sheet) {
  const { declared, changed, test } = form.elements;
  const verdicts = new Set([...toggles.querySelectorAll("[aria-pressed=true]")].map((button) => Number(button.dataset.verdict)));
  const name = test.value.trim().toLowerCase();
  const kinds = sheet.kinds.map((kind) => verdicts.has(kind.shown)
    && (!declared.value || (!kind.unknown && kind.declared === (declared.value === "1")))
    && (!name || (kind.run !== null && kind.run.red.some((red) => red.id.toLowerCase().includes(name)))));
  const onlyChanged = changed.checked;
  return (row, column) => {
    const place = placeOf(sheet, row, column);
    return kinds[sheet.cells[place]] && (!onlyChanged || place in sheet.changed);
  };
}

/** The rows and columns whose version starts with one of the words; a side that no word fits stays whole. */
function versionsWanted(sheet) {
  const terms = form.elements.version.value.trim().split(/[\s,]+/).filter(Boolean);
  const numbers = (versions) => versions.map((_, number) => number);
  const rows = sheet.rows.map(([version]) => version);
  if (!terms.length) return [numbers(rows), numbers(sheet.columns)];
  const fitting = (versions) => numbers(versions).filter((number) => terms.some((term) => versions[number].startsWith(term)));
  const [someRows, someColumns] = [fitting(rows), fitting(sheet.columns)];
  if (!someRows.length && !someColumns.length) return [[], []];
  return [someRows.length ? someRows : numbers(rows), someColumns.length ? someColumns : numbers(sheet.columns)];
}

const pressAll = () => toggles.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", "true"));
