// A release that cannot start.
throw new Error("cannot find what this release needs");
