// What of a locale's rules can be done right without its data: English order,
// English grouping of numbers, English dates in UTC. Whatever else is asked for
// throws, so that no list is in another order and no text another than the
// author meant.

import {
  BigIntOf, BigIntProto, DateProto, NumberOf, NumberProto, RangeErrorClass, StringOf, StringProto, apply, charCode,
  data, defineProperty, dateField, find, isArray, normalize, lowerCase, substring, toFixed, typedDate, upperCase,
} from "smol:primordials";

const refuse = (what) => {
  throw new RangeErrorClass(what + "; a workflow has no locale data besides English");
};

const ENGLISH = ["en", "en-US", "en-GB", "en-CA", "en-AU"];
// Their letters have the order of the root collation, which is that of English.
const SAME_ORDER = ["en", "de", "fr", "it", "nl", "pt", "und"];

const isOneOf = (list, value) => {
  for (let index = 0; index < list.length; index++) if (list[index] === value) return true;
  return false;
};

const localeOf = (locales) => {
  const first = isArray(locales) ? locales[0] : locales;
  return first === undefined ? "en-US" : StringOf(first);
};

const languageOf = (locale) => {
  const dash = find(locale, "-");
  return dash < 0 ? locale : substring(locale, 0, dash);
};

const only = (what, options, known) => {
  if (options === undefined || options === null) return {};
  for (const name in options) {
    if (options[name] !== undefined && !isOneOf(known, name)) refuse(what + " does not know the option `" + name + "`");
  }
  return options;
};

// Order of the root collation among ASCII signs; digits and letters follow.
const SIGNS = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
const EXPANDED = { __proto__: null, "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i" };

const isDigit = (code) => code >= 48 && code <= 57;
const isMark = (code) => code >= 0x300 && code <= 0x36f;

// The letter at `at`, as `[weight, length]` on the first level; digits of a
// number count as one when asked to.
const weigh = (text, at, numeric) => {
  const code = charCode(text, at);
  if (isDigit(code)) {
    let end = at + 1;
    if (numeric) while (end < text.length && isDigit(charCode(text, end))) end++;
    let from = at;
    while (numeric && from < end - 1 && charCode(text, from) === 48) from++;
    return { __proto__: null, rank: 1, number: substring(text, from, end), length: end - at };
  }
  const char = substring(text, at, at + 1);
  const sign = find(SIGNS, char);
  return { __proto__: null, rank: sign >= 0 ? 0 : 2, value: sign >= 0 ? sign : code, length: 1 };
};

const byWeight = (one, other) => {
  if (one.rank !== other.rank) return one.rank - other.rank;
  if (one.rank !== 1) return one.value - other.value;
  if (one.number.length !== other.number.length) return one.number.length - other.number.length;
  return one.number < other.number ? -1 : one.number > other.number ? 1 : 0;
};

// Base letters in lower case, with the marks and the case of each beside them.
const levels = (text) => {
  const split = normalize(text, "NFD");
  let base = "";
  let marks = "";
  let cases = "";
  for (let at = 0; at < split.length; at++) {
    const char = substring(split, at, at + 1);
    if (isMark(charCode(char, 0))) {
      marks += char;
      continue;
    }
    const lower = lowerCase(char);
    const expanded = EXPANDED[lower];
    base += expanded === undefined ? lower : expanded;
    marks += expanded === undefined ? "\u0001" : "\u0001\u0300";
    cases += lower === char ? "0" : "1";
  }
  return { __proto__: null, base, marks, cases };
};

const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

const compareBase = (one, other, numeric) => {
  let left = 0;
  let right = 0;
  while (left < one.length && right < other.length) {
    const here = weigh(one, left, numeric);
    const there = weigh(other, right, numeric);
    const found = byWeight(here, there);
    if (found !== 0) return found < 0 ? -1 : 1;
    left += here.length;
    right += there.length;
  }
  return order(one.length - left, other.length - right);
};

const COLLATOR = ["numeric", "sensitivity", "usage", "localeMatcher", "caseFirst", "ignorePunctuation"];
const SENSITIVITIES = ["base", "accent", "case", "variant"];

const localeCompare = function (that, locales, options) {
  if (this === undefined || this === null) refuse("localeCompare() needs a text");
  const language = languageOf(localeOf(locales));
  if (!isOneOf(SAME_ORDER, language)) refuse("localeCompare() does not know the order of `" + language + "`");
  const asked = only("localeCompare()", options, COLLATOR);
  const sensitivity = asked.sensitivity === undefined ? "variant" : StringOf(asked.sensitivity);
  if (!isOneOf(SENSITIVITIES, sensitivity)) refuse("localeCompare() does not know the sensitivity `" + sensitivity + "`");
  if (asked.ignorePunctuation) refuse("localeCompare() cannot ignore punctuation");
  const upperFirst = asked.caseFirst === "upper";
  const left = StringOf(this);
  const right = StringOf(that);
  if (left === right) return 0;
  const one = levels(left);
  const other = levels(right);
  const base = compareBase(one.base, other.base, asked.numeric === true);
  if (base !== 0) return base;
  const accents = sensitivity === "accent" || sensitivity === "variant" ? order(one.marks, other.marks) : 0;
  if (accents !== 0) return accents;
  if (sensitivity === "base" || sensitivity === "accent") return 0;
  const cases = order(one.cases, other.cases);
  return upperFirst ? -cases : cases;
};

const grouped = (digits) => {
  let text = digits;
  let out = "";
  while (text.length > 3) {
    out = "," + substring(text, text.length - 3, text.length) + out;
    text = substring(text, 0, text.length - 3);
  }
  return text + out;
};

const CURRENCIES = { __proto__: null, USD: "$", EUR: "€", GBP: "£" };
const NUMBER = ["style", "currency", "minimumFractionDigits", "maximumFractionDigits", "useGrouping", "localeMatcher"];

const fraction = (value, otherwise) => {
  if (value === undefined) return otherwise;
  const number = NumberOf(value);
  if (!(number >= 0 && number <= 100)) refuse("a number of digits is from 0 to 100");
  return number;
};

const needsEnglish = (what, locales) => {
  const locale = localeOf(locales);
  if (!isOneOf(ENGLISH, locale)) refuse(what + " does not know the locale `" + locale + "`");
};

const numberToLocaleString = function (locales, options) {
  const value = apply(NumberProto.valueOf, this, []);
  needsEnglish("toLocaleString()", locales);
  const asked = only("toLocaleString()", options, NUMBER);
  const style = asked.style === undefined ? "decimal" : asked.style;
  const sign = style === "currency" ? CURRENCIES[asked.currency] : "";
  if (sign === undefined || !isOneOf(["decimal", "percent", "currency"], style)) {
    refuse("toLocaleString() does not know the style `" + StringOf(style) + "` with `" + StringOf(asked.currency) + "`");
  }
  const least = fraction(asked.minimumFractionDigits, style === "currency" ? 2 : 0);
  const usual = style === "currency" ? 2 : style === "percent" ? 0 : 3;
  const most = fraction(asked.maximumFractionDigits, least > usual ? least : usual);
  if (most < least) refuse("toLocaleString() was given fewer digits at the most than at the least");
  if (value !== value) return "NaN";
  const negative = value < 0 || (value === 0 && 1 / value < 0);
  const size = (negative ? -value : value) * (style === "percent" ? 100 : 1);
  const ends = style === "percent" ? "%" : "";
  if (size === Infinity) return (negative ? "-" : "") + sign + "∞" + ends;
  const text = size >= 1e21 ? StringOf(BigIntOf(size)) : toFixed(size, most);
  const dot = find(text, ".");
  const whole = dot < 0 ? text : substring(text, 0, dot);
  let digits = dot < 0 ? "" : substring(text, dot + 1, text.length);
  while (digits.length > least && charCode(digits, digits.length - 1) === 48) digits = substring(digits, 0, digits.length - 1);
  const shown = asked.useGrouping === false ? whole : grouped(whole);
  return (negative ? "-" : "") + sign + shown + (digits === "" ? "" : "." + digits) + ends;
};

const bigintToLocaleString = function (locales, options) {
  const value = apply(BigIntProto.valueOf, this, []);
  needsEnglish("toLocaleString()", locales);
  only("toLocaleString()", options, []);
  const text = StringOf(value);
  return charCode(text, 0) === 45 ? "-" + grouped(substring(text, 1, text.length)) : grouped(text);
};

const DATE = ["timeZone", "localeMatcher"];

const two = (number) => (number < 10 ? "0" + number : StringOf(number));

const dateWords = (what, wantsDate, wantsTime) => function (locales, options) {
  const time = typedDate(this);
  const locale = localeOf(locales);
  if (locale !== "en" && locale !== "en-US") refuse(what + " does not know the locale `" + locale + "`");
  const asked = only(what, options, DATE);
  if (asked.timeZone !== undefined && asked.timeZone !== "UTC") {
    refuse(what + " does not know the time zone `" + StringOf(asked.timeZone) + "`");
  }
  if (time !== time) return "Invalid Date";
  const hour = dateField("getUTCHours", this);
  const date = dateField("getUTCMonth", this) + 1 + "/" + dateField("getUTCDate", this) + "/" + dateField("getUTCFullYear", this);
  const clock = (hour % 12 === 0 ? 12 : hour % 12) + ":" + two(dateField("getUTCMinutes", this)) + ":" +
    two(dateField("getUTCSeconds", this)) + (hour < 12 ? " AM" : " PM");
  return wantsDate && wantsTime ? date + ", " + clock : wantsDate ? date : clock;
};

const caseOf = (what, change) => function (locales) {
  if (this === undefined || this === null) refuse(what + " needs a text");
  const language = languageOf(localeOf(locales));
  if (isOneOf(["tr", "az", "lt"], language)) refuse(what + " does not know the letters of `" + language + "`");
  return change(StringOf(this));
};

/** Once per script. */
export const openLocale = () => {
  const own = (proto, name, value) => defineProperty(proto, name, data(value, false));
  own(StringProto, "localeCompare", localeCompare);
  own(StringProto, "toLocaleUpperCase", caseOf("toLocaleUpperCase()", upperCase));
  own(StringProto, "toLocaleLowerCase", caseOf("toLocaleLowerCase()", lowerCase));
  own(NumberProto, "toLocaleString", numberToLocaleString);
  own(BigIntProto, "toLocaleString", bigintToLocaleString);
  own(DateProto, "toLocaleString", dateWords("toLocaleString()", true, true));
  own(DateProto, "toLocaleDateString", dateWords("toLocaleDateString()", true, false));
  own(DateProto, "toLocaleTimeString", dateWords("toLocaleTimeString()", false, true));
};
