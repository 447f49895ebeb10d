// The panel beside the table: everything that is known about one cell.
const panel = document.getElementById("details");

function drawDetails(sheet, row, column) {
  const cell = cellAt(sheet, row, column);
  panel.replaceChildren(...[
    element("button", { class: "close", type: "button", "aria-label": "Close the details" }, "✕"),
    heading(sheet, row, column),
    element("span", { class: `chip v-${verdictName(cell.shown)}` }, `${data.verdicts[cell.shown][SYMBOL]} ${verdictName(cell.verdict)}`),
    element("p", { class: "why" }, why(sheet, cell)),
    facts(sheet, row, column, cell),
    ...testLists(cell),
    ...(cell.run ? [lock(cell.run), log(cell.run)] : []),
  ].filter(Boolean));
  panel.scrollTop = 0;
}

function heading(sheet, row, column) {
  return element("h2", { id: "details-title", tabindex: "-1" },
    element("span", {}, `${sheet.upstream} ${sheet.columns[column]}`),
    element("span", {}, `with ${sheet.downstream} ${sheet.rows[row][0]}`));
}

/** The verdict's reason in a sentence. */
function why(sheet, cell) {
  const said = testsInWords(cell.run);
  const reason = cell.run && cell.run.reason && cell.run.reason !== said ? `: ${cell.run.reason}` : "";
  if (cell.own && verdictName(cell.verdict) !== "outdated-environment") return `Red with every ${sheet.upstream}, so it is the fault of ${sheet.downstream} itself: ${said}${reason}.`;
  if (cell.uncompared.size) return `${counted(cell.uncompared.size, "test")} red here, and green with no ${sheet.upstream} that was tried; elsewhere not known${reason}.`;
  if (cell.regressed.size) return `${counted(cell.regressed.size, "test")} red here, and green with another ${sheet.upstream}${reason}.`;
  if (cell.verdict === COMPATIBLE) return `${said}${reason}.`;
  const meaning = data.verdicts[cell.verdict][MEANING];
  return `${meaning[0].toUpperCase()}${meaning.slice(1)}: ${said}${reason}.`;
}

function facts(sheet, row, column, cell) {
  const list = element("dl");
  const add = (term, ...value) => list.append(element("dt", {}, term), element("dd", {}, ...value));
  add("Declared", `${cell.unknown ? "" : cell.declared ? "yes: " : "no: "}${sheet.rows[row][1]}`);
  const before = sheet.changed[placeOf(sheet, row, column)];
  if (before) add("Changed", `was ${verdictName(before[0])} in the last run, ${before[1]}`);
  add("Setting", sheet.setting);
  if (sheet.rows[row][2]) add("Controls", sheet.rows[row][2]);
  if (sheet.allowed != null) add("Allowed to fail", sheet.allowed);
  add("How", ...origin(sheet, cell));
  if (cell.run) addRun(add, cell.run);
  return list;
}

/** Whether the cell was run itself, or which cell was run for it. */
function origin(sheet, cell) {
  if (cell.shared) {
    const [upstream, downstream] = cell.shared;
    const href = `#${new URLSearchParams({ sheet: sheet.link, upstream, downstream })}`;
    return ["shares the run of ", element("a", { href }, `${upstream} with ${downstream}`), ": nothing that can change the verdict differs"];
  }
  if (!cell.run) return ["nothing was run"];
  return [cell.run.known ? "known from an earlier run" : "run for this matrix"];
}

function addRun(add, run) {
  add("Run", `${run.started}, took ${run.took}`);
  if (!run.confirmed) add("Confirmed", "no: a second run in a fresh environment did not show the same");
  if (run.reads.length) add("Reads versions", `the suite read the version of ${run.reads.join(", ")}`);
  add("Fingerprint", element("code", {}, run.fingerprint.slice(0, 16)));
}

/** The red tests first and in full, the others folded away. */
function testLists(cell) {
  if (!cell.run || !cell.run.tests.length) return [];
  const { red, tests } = cell.run;
  const others = tests.filter((test) => !test.red);
  const lists = [];
  if (red.length) lists.push(element("h3", {}, `Red tests (${red.length})`), testList(red, cell));
  if (others.length) {
    lists.push(folded(`Other tests (${others.length})`, !red.length && others.length <= 30, () => testList(others, cell)));
  }
  return lists;
}

function testList(tests, cell) {
  return element("ol", {}, ...tests.map((test) => element("li", {},
    element("span", { class: "time" }, `${test.seconds.toFixed(2)} s`),
    element("span", { class: `outcome${test.red ? " red" : ""}` }, blame(test, cell)), " ",
    element("code", {}, test.id),
    test.error && element("span", { class: "error" }, test.error))));
}

function blame(test, cell) {
  if (cell.uncompared.has(test.id)) return `${test.outcome}, elsewhere not known`;
  if (cell.regressed.has(test.id)) return `${test.outcome}, passes with another upstream version`;
  return cell.ownTests.has(test.id) ? `${test.outcome}, own fault` : test.outcome;
}

function lock(run) {
  const names = data.locks[run.lock].map((number) => texts[number]);
  return names.length > 0 && folded(`Environment (${counted(names.length, "package")})`, false, () => element("pre", { tabindex: "0", role: "region", "aria-label": "Environment" }, names.join("\n")));
}

function log(run) {
  const [text, cut] = data.logs[run.log];
  const title = cut ? "Log (the last 8 KB; the JSON report has more)" : "Log";
  return text !== "" && folded(title, run.status !== "passed", () => {
    const shown = element("pre", { tabindex: "0", role: "region", "aria-label": "Log" }, text);
    requestAnimationFrame(() => shown.scrollTo(0, shown.scrollHeight)); // what went wrong stands at the end
    return shown;
  });
}

/** Something folded away, made when it is opened first. */
function folded(title, open, make) {
  const made = element("details", { open }, element("summary", {}, title));
  const fill = () => made.childElementCount === 1 && made.append(make());
  if (open) fill();
  else made.addEventListener("toggle", fill, { once: true });
  return made;
}
