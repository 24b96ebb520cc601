// Page-wide keys: `/` focuses the search of the page; `g` and a letter go to a page.
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

const GO = { d: "/devices", p: "/pending", c: "/connect", r: "/refused", j: "/jobs", e: "/events" } as const;
const CHORD_MS = 1_200;

/** A search box takes part by carrying this attribute. */
export const SEARCH_PROPS = { "data-page-search": "" } as const;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement);

export function useShortcuts(): void {
  const navigate = useNavigate();
  useEffect(() => {
    let chord = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector('[role="dialog"]')) return;
      if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("[data-page-search]");
        if (!search) return;
        event.preventDefault();
        search.focus();
        search.select();
        return;
      }
      const to = chord > 0 && event.timeStamp - chord < CHORD_MS ? GO[event.key as keyof typeof GO] : undefined;
      chord = event.key === "g" ? event.timeStamp : 0;
      if (!to) return;
      // Another handler, such as the tree's, must not also take the second key.
      event.preventDefault();
      event.stopPropagation();
      void navigate({ to });
    };
    document.addEventListener("keydown", onKey, true);
    return () => document.removeEventListener("keydown", onKey, true);
  }, [navigate]);
}
