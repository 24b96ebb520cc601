// Short notices that a screen reader also hears. Errors stay until dismissed.
import { Toast } from "@base-ui/react/toast";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { cx, IconButton } from "./ui";

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider timeout={4_500}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-[60] flex w-[22rem] max-w-[calc(100vw-2rem)] flex-col gap-2">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function List() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={cx("flex items-start gap-2 rounded-[7px] border bg-raised px-3 py-2 shadow-[0_8px_28px_-8px_rgb(0_0_0/0.3)] data-ending-style:opacity-0", toast.type === "error" ? "border-bad" : "border-line-strong")}>
      <div className="min-w-0 flex-1">
        <Toast.Title className={cx("font-medium break-words", toast.type === "error" && "text-bad")} />
        <Toast.Description className="break-words text-muted" />
      </div>
      <Toast.Close render={<IconButton icon="cross" label="Dismiss" />} />
    </Toast.Root>
  ));
}

/** `say` for what went well, `fail` for what did not. */
export function useNotices(): { say: (title: string, description?: string) => void; fail: (title: string, error: unknown) => void } {
  const manager = Toast.useToastManager();
  return {
    say: (title, description) => void manager.add({ title, description }),
    fail: (title, error) => {
      const code = error instanceof ApiError && error.code !== undefined ? ` (${error.code})` : "";
      void manager.add({ title, description: (error instanceof Error ? error.message : String(error)) + code, type: "error", timeout: 0, priority: "high" });
    },
  };
}
