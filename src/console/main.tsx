import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeToken } from "./access.ts";
import { App } from "./app.tsx";
import "./styles.css";

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no #root.");
// Before anything is drawn, which happens a turn later: nobody shall see it in the address.
const token = takeToken();
createRoot(root).render(
  <StrictMode>
    <App initialToken={token} />
  </StrictMode>,
);
