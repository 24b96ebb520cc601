// The window's title: what a person with many tabs open reads first.
import { useEffect } from "react";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Cusp`;
  }, [title]);
}
