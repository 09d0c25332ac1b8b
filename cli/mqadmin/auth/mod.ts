import type { Command } from "../declaration.ts";
import { copyAcl, createAcl, deleteAcl, getAcl, listAcl, updateAcl } from "./acls.ts";
import { copyUser, createUser, deleteUser, getUser, listUser, updateUser } from "./users.ts";

export const authCommands: readonly Command[] = [
  createUser,
  updateUser,
  deleteUser,
  getUser,
  listUser,
  copyUser,
  createAcl,
  updateAcl,
  deleteAcl,
  getAcl,
  listAcl,
  copyAcl,
];
