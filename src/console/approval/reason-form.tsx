import { type ReactNode, useState } from "react";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { CardActions } from "./card-actions.tsx";

/** A decision in words. Its label names the field, and the button too unless `verb` does. */
export function ReasonForm({
  label,
  verb = label,
  hint,
  isRequired = false,
  isSending,
  onSend,
  children,
}: {
  readonly label: "Answer" | "Reason";
  readonly verb?: "Answer" | "Reason" | "Reject";
  readonly hint: string;
  readonly isRequired?: boolean;
  readonly isSending: boolean;
  readonly onSend: (options: { readonly reason?: string }) => void;
  readonly children: ReactNode;
}) {
  const [text, setText] = useState("");
  const reason = text.trim();
  return (
    <form
      className="mt-3"
      onSubmit={(event) => {
        event.preventDefault();
        onSend(reason === "" ? {} : { reason });
      }}
    >
      <Field
        label={label}
        hint={hint}
        value={text}
        maxLength={2000}
        autoFocus
        onChange={(event) => setText(event.target.value)}
      />
      <CardActions isSending={isSending}>
        <Button
          look={verb === "Reject" ? "danger" : "primary"}
          type="submit"
          disabled={isSending || (isRequired && reason === "")}
        >
          {verb}
        </Button>
        {children}
      </CardActions>
    </form>
  );
}
