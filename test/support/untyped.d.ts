/** Packages of the tests that bring no types. */
declare module "express4" {
    export { default } from "express"; // what the tests use of Express 4 is typed as in Express 5
}
declare module "compression" {
    import type { RequestHandler } from "express";
    export default function compression(options?: { filter?: () => boolean }): RequestHandler;
}
