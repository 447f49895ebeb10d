// The report as the page's data says it, and what is worked out from it once.
const data = JSON.parse(document.getElementById("data").textContent);
const [VERDICT, SYMBOL, MEANING] = [0, 1, 2];
const COMPATIBLE = 0;

const texts = data.texts;
const verdictName = (number) => data.verdicts[number][VERDICT];
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** An element with attributes and children; text is only ever set as text, so nothing in it can become markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null && child !== false && child !== ""));
  return made;
}

const runs = data.runs.map((run) => {
  const tests = run.tests.map(([id, outcome, seconds, error]) => ({
    id: texts[id], outcome: data.outcomes[outcome][0], red: data.outcomes[outcome][1], seconds, error: texts[error],
  }));
  return { ...run, tests, red: tests.filter((test) => test.red) };
});

/** What a run's tests say in one phrase. */
function testsInWords(run) {
  if (!run) return "nothing was run";
  if (run.red.length) return `${run.red.length} of ${counted(run.tests.length, "test")} failed`;
  if (run.status === "passed") {
    const passed = run.tests.filter((test) => test.outcome === "passed").length;
    const rest = run.tests.length - passed;
    return `${counted(passed, "test")} passed${rest ? `, ${rest} not run or expected to fail` : ""}`;
  }
  return run.reason || run.status;
}

const sheets = data.sheets.map((sheet) => {
  const kinds = sheet.kinds.map(([shown, verdict, declared, own, run, shared, regressed, ownTests, uncompared]) => ({
    shown, verdict, declared: declared === 1, unknown: declared < 0, own: own === 1,
    run: run < 0 ? null : runs[run], shared,
    regressed: new Set(regressed.map((id) => texts[id])), ownTests: new Set(ownTests.map((id) => texts[id])),
    uncompared: new Set(uncompared.map((id) => texts[id])),
  }));
  for (const kind of kinds) {
    const declared = kind.declared ? "declared" : kind.unknown ? "not known whether declared" : "not declared";
    const own = kind.own ? ", own fault" : "";
    kind.words = `${verdictName(kind.shown)}, ${declared}${own}, ${testsInWords(kind.run)}`;
  }
  return { ...sheet, kinds };
});

const placeOf = (sheet, row, column) => row * sheet.columns.length + column;
const cellAt = (sheet, row, column) => sheet.kinds[sheet.cells[placeOf(sheet, row, column)]];

/** A cell in words: what a screen reader says and what stands above the table. */
function cellInWords(sheet, row, column) {
  const before = sheet.changed[placeOf(sheet, row, column)];
  const changed = before ? `, was ${verdictName(before[0])}` : "";
  const names = `${sheet.upstream} ${sheet.columns[column]} with ${sheet.downstream} ${sheet.rows[row][0]}`;
  return `${names}: ${cellAt(sheet, row, column).words}${changed}`;
}

/** The part of the address that names a sheet, and a cell of it. */
function address(sheet, row, column) {
  const parts = new URLSearchParams({ sheet: sheet.link });
  if (row != null) {
    parts.set("upstream", sheet.columns[column]);
    parts.set("downstream", sheet.rows[row][0]);
  }
  return `#${parts}`;
}
