import { useState } from "react";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";

/** What stands here without a token. */
export function SignInScreen({ onToken }: { readonly onToken: (token: string) => void }) {
  const [text, setText] = useState("");
  return (
    <main className="mx-auto max-w-md px-4 py-16">
      <h1 className="font-semibold text-lg">Paygent</h1>
      <p className="mt-2">
        This tab has no access token. Open the address that the server printed when it started; it ends in
        <code className="font-mono"> #token=…</code>
      </p>
      <p className="mt-2 text-soft">Or paste a token. It is kept in this tab only.</p>
      <form
        className="mt-4 flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") onToken(text.trim());
        }}
      >
        <Field
          label="Access token"
          type="password"
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button look="primary" type="submit" className="self-start">
          Sign in
        </Button>
      </form>
    </main>
  );
}
