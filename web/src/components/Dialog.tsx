// Dialogs on Base UI: focus stays inside, Esc closes, focus returns to where it was.
import { Dialog } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { useState } from "react";
import { Button, cx, ErrorNote, IconButton } from "./ui";

interface ModalProps { open: boolean; onClose: () => void; title: ReactNode; detail?: ReactNode; wide?: boolean; children: ReactNode }

export function Modal({ open, onClose, title, detail, wide, children }: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Dialog.Popup className={cx("fixed top-[8vh] left-1/2 z-50 flex max-h-[84vh] w-[calc(100vw-2rem)] -translate-x-1/2 flex-col rounded-[10px] border border-line-strong bg-raised shadow-[0_18px_60px_-12px_rgb(0_0_0/0.35)] outline-none", wide ? "max-w-2xl" : "max-w-md")}>
          <div className="flex items-start gap-3 border-b px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <Dialog.Title className="text-lg leading-tight font-semibold">{title}</Dialog.Title>
              {detail && <Dialog.Description render={<div />} className="mt-1 text-muted">{detail}</Dialog.Description>}
            </div>
            <Dialog.Close render={<IconButton icon="cross" label="Close" />} />
          </div>
          <div className="min-h-0 flex-1 overflow-auto px-5 py-4">{children}</div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface ConfirmProps { open: boolean; onClose: () => void; title: string; children: ReactNode; action: string; onConfirm: () => Promise<unknown> }

/** Asks before something that cannot be undone. Stays open, and says why, when it fails. */
export function Confirm({ open, onClose, title, children, action, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open={open} onClose={onClose} title={title}>
      <div className="text-muted">{children}</div>
      {error !== undefined && <ErrorNote error={error} className="mt-3" />}
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button variant="danger" busy={busy} onClick={() => void run()}>{action}</Button>
      </div>
    </Modal>
  );
}
