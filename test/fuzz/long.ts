/** Required ahead of the tests by `npm run test:fuzz`: makes their long form of them. */
process.env["FUZZ"] = "long";
