// Build of the page. Assets are never inlined: the server's Content-Security-Policy allows no data: scripts or inline styles.
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { target: "es2022", cssTarget: ["chrome123", "firefox121", "safari17.5"], assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 800 },
  server: { proxy: { "/api": process.env["CUSP_URL"] ?? "http://127.0.0.1:8080" } },
});
