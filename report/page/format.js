// Numbers as people read them, by their unit: text, count, number, percent (of fractions), bytes,
// seconds, times.

const kScales = {
  bytes: [[1e15, " PB"], [1e12, " TB"], [1e9, " GB"], [1e6, " MB"], [1e3, " kB"], [1, " B"]],
  count: [[1, ""]],
  number: [[1, ""]],
  percent: [[0.01, " %"]],
  seconds: [[3600, " h"], [60, " min"], [1, " s"]],
  times: [[1, "\u00d7"]],
};

function scaleOf(unit, value) {
  const scales = kScales[unit] ?? kScales.number;
  return scales.find(([size]) => Math.abs(value) >= size) ?? scales.at(-1);
}

function decimal(value, digits) {
  return value.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
}

/** A number in full: in tables, and under the pointer. */
function formatted(value, unit) {
  if (typeof value === "string") {
    return value;
  }
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return "\u2013";
  }
  const [size, suffix] = scaleOf(unit, value);
  const shown = value / size;
  if (unit === "count") {
    return decimal(shown, Number.isInteger(value) ? 0 : 1);
  }
  if (unit === "percent") {
    return decimal(shown, 1) + suffix;
  }
  if (unit === "bytes" && size === 1) {
    return decimal(shown, Number.isInteger(value) ? 0 : 1) + suffix;
  }
  if (unit === "number") {
    return shown !== 0 && Math.abs(shown) < 1e-3 ? shown.toExponential(2) : String(+shown.toPrecision(4));
  }
  const whole = Math.abs(shown) < 1 ? 1 : Math.floor(Math.log10(Math.abs(shown))) + 1;
  return decimal(shown, Math.max(0, 3 - whole)) + suffix;
}

/** The label of a tick: as many decimals as tell it from the next one, `step` away. */
function tickText(value, unit, step) {
  if (value === 0) {
    return unit === "percent" ? "0 %" : "0";
  }
  const [size, suffix] = scaleOf(unit, Math.max(Math.abs(value), step));
  const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-6));
  if (unit === "number" && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) {
    return value.toExponential(Math.abs(Math.log10(step / Math.abs(value))) > 1 ? 1 : 0);
  }
  return decimal(value / size, Math.min(digits, 8)) + suffix;
}

/** A tick of a logarithmic axis; those that would crowd have none. */
function logTickText(value, unit, low, high) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const first = Math.round(value / power);
  const decades = Math.log10(high / low);
  const shown = decades > 2.5 ? first === 1 : decades > 1 ? [1, 2, 5].includes(first)
    : decades > 0.4 ? [1, 2, 3, 5, 7].includes(first) : true;
  return shown ? tickText(first * power, unit, power) : null;
}
