// The few icons that the page uses, drawn on a 16-unit grid with the text's own colour. They decorate; text carries the meaning.
const shapes = {
  chevron: "M6 4l4 4-4 4",
  down: "M4 6l4 4 4-4",
  devices: "M2.5 9.5h11v3.5h-11zM5 11.3h.01M7.5 11.3h.01M8 9.5V6M5.2 5.2a4 4 0 015.6 0M3.4 3.3a6.6 6.6 0 019.2 0",
  pending: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM8 5v3.2l2 1.3",
  connect: "M6.5 9.5l3-3M7.5 4.8l1-1a2.6 2.6 0 013.7 3.7l-1 1M8.5 11.2l-1 1a2.6 2.6 0 01-3.7-3.7l1-1",
  refused: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM4.2 4.2l7.6 7.6",
  jobs: "M3 4.5h1M3 8h1M3 11.5h1M6.5 4.5H13M6.5 8H13M6.5 11.5H13",
  events: "M1.8 8h2.7l2-4.5 3 9 2-4.5h2.7",
  key: "M9.8 6.2a2.6 2.6 0 11-1.3-1.3M8.5 7.5L3 13M4.5 11.5l1.5 1.5",
  refresh: "M12.8 6.2A5.1 5.1 0 003.3 7M3.2 9.8A5.1 5.1 0 0012.7 9M12.9 3.2v3h-3M3.1 12.8v-3h3",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  plus: "M8 3.5v9M3.5 8h9",
  trash: "M3.5 4.5h9M6.5 4.5v-1h3v1M5 4.5l.5 8h5l.5-8",
  play: "M5.5 3.8l6.3 4.2-6.3 4.2z",
  bell: "M4.5 10.5V7.3a3.5 3.5 0 017 0v3.2l1 1h-9zM7 13h2",
  pencil: "M3.5 12.5l.6-2.6 6.6-6.6 2 2-6.6 6.6z",
  lock: "M4.5 7.5h7v5h-7zM6 7.5V5.7a2 2 0 014 0v1.8",
  sun: "M8 5.4a2.6 2.6 0 100 5.2 2.6 2.6 0 000-5.2zM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M12.4 3.6l-1 1M4.6 11.4l-1 1",
  moon: "M12.8 9.6A5.3 5.3 0 016.4 3.2a5.3 5.3 0 106.4 6.4z",
  half: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM8 2.5v11M8 5h3.6M8 8h5.4M8 11h3.6",
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  warn: "M8 2.8l5.8 10.4H2.2zM8 6.6v3M8 11.3h.01",
  search: "M7.2 3a4.2 4.2 0 100 8.4A4.2 4.2 0 007.2 3zM10.4 10.4l3 3",
  user: "M8 3a2.4 2.4 0 100 4.8A2.4 2.4 0 008 3zM3.4 13a4.7 4.7 0 019.2 0",
  pause: "M6 4v8M10 4v8",
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 16, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg viewBox="0 0 16 16" width={size} height={size} className={className} fill="none" stroke="currentColor" strokeWidth="1.35" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}

/** The mark: two arcs that meet in a cusp. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false" className="text-accent">
      <path d="M4 26c7.5-2.2 12-9.5 12-22 0 12.5 4.5 19.8 12 22" fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
