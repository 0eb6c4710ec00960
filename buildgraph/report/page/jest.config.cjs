module.exports = {
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  transform: { "\\.tsx?$": "<rootDir>/transform.cjs" },
};
