// The SQL editor: CodeMirror with what a query needs. It lives in a shadow root, because there
// its styles are constructed sheets, which a policy of `style-src 'self'` allows.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { keywordCompletionSource } from "@codemirror/lang-sql";
import { bracketMatching, indentOnInput, LanguageSupport } from "@codemirror/language";
import { Compartment, EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { DuckDB } from "./dialect.js";
import { completions } from "./names.js";
import { theme } from "./theme.js";

export { quoted } from "./names.js";

const setFault = StateEffect.define();
const faultMark = Decoration.mark({ class: "cm-fault" });

// Where the last error was; any change to the text takes the mark away.
const fault = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setFault)) continue;
      return effect.value ? Decoration.set(faultMark.range(effect.value.from, effect.value.to)) : Decoration.none;
    }
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Text that takes the place of coloured text gets the colours from Chromium, as a style of its own,
// which the page's policy forbids: so it is put in here, before the browser does.
const replacing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== "insertText" || empty || !event.data || event.isComposing) return false;
    event.preventDefault();
    const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, event.data, insert))) view.dispatch(insert());
    return true;
  },
});

const language = (sources) => [
  new LanguageSupport(DuckDB.language),
  autocompletion({ override: [...sources, keywordCompletionSource(DuckDB, true)], icons: false }),
];

function extensions(options, names) {
  return [
    // Before all other keys: Ctrl-Enter would insert a line. Tab stays the key that moves on,
    // unless a completion is open.
    keymap.of([
      { key: "Mod-Enter", run: (view) => (closeCompletion(view), options.onRun(), true) },
      { key: "Tab", run: acceptCompletion },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...historyKeymap,
      ...defaultKeymap,
    ]),
    lineNumbers(),
    history(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    EditorView.lineWrapping,
    EditorState.tabSize.of(2),
    placeholder(options.placeholder),
    EditorView.contentAttributes.of({
      "aria-label": options.label,
      autocapitalize: "off",
      autocorrect: "off",
      spellcheck: "false",
    }),
    fault,
    replacing,
    theme,
    names.of(language([])),
  ];
}

/** Put an editor into `host`; `options`: text, label, placeholder, onRun. */
export function createEditor(host, options) {
  const root = host.attachShadow({ mode: "open" });
  const names = new Compartment();
  const state = EditorState.create({ doc: options.text, extensions: extensions(options, names) });
  const view = new EditorView({ state, root, parent: root });
  const length = () => view.state.doc.length;
  return {
    text: () => view.state.doc.toString(),
    setText(text) {
      if (text !== view.state.doc.toString()) {
        view.dispatch({ changes: { from: 0, to: length(), insert: text } });
      }
    },
    /** Put a name where the cursor is, apart from what stands there. */
    insert(name) {
      const { from, to } = view.state.selection.main;
      const apart = (text) => (/[\w"]/.test(text) ? " " : "");
      const [before, after] = [view.state.sliceDoc(from - 1, from), view.state.sliceDoc(to, to + 1)];
      view.dispatch(view.state.replaceSelection(apart(before) + name + apart(after)), { userEvent: "input", scrollIntoView: true });
      view.focus();
    },
    setTables(tables) {
      view.dispatch({ effects: names.reconfigure(language(completions(tables))) });
    },
    /** Underline a stretch of a line (from 1; columns from 0), and return what stands there. */
    markFault(line, column, width) {
      const at = view.state.doc.line(Math.min(line, view.state.doc.lines));
      const from = Math.min(at.from + column, at.to);
      const to = Math.min(from + Math.max(width, 1), at.to);
      if (from < to) view.dispatch({ effects: setFault.of({ from, to }) });
      return { from, to };
    },
    clearFault: () => view.dispatch({ effects: setFault.of(null) }),
    goTo(from, to) {
      view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: true });
      view.focus();
    },
    focus: () => view.focus(),
  };
}
