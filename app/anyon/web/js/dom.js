// The one place that names the rendering library: templates, hooks and signals for every other module.
import { Fragment, createPortal, h, render } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import htm from "htm";

export const html = htm.bind(h);

// Preact's own ids begin again in every root, and each dialog is a root.
let ids = 0;
export const useId = () => useState(() => `id-${++ids}`)[0];

export {
  Fragment, batch, computed, createPortal, effect, render, signal, untracked,
  useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState,
};
