// Light, dark, or as the system says. The choice is kept in this browser.
import { useState } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "cusp-theme";
const ORDER: Theme[] = ["system", "light", "dark"];

export function savedTheme(): Theme {
  try {
    const saved = localStorage.getItem(KEY);
    return saved === "light" || saved === "dark" ? saved : "system";
  } catch {
    return "system";
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState(savedTheme);
  const next = () => {
    const chosen = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!;
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // Private windows may refuse storage; the theme then lasts as long as the page.
    }
    applyTheme(chosen);
    setTheme(chosen);
  };
  return [theme, next];
}
