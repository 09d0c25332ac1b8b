/** Headers of the users and access lists of ACL 2.0. Field names are Apache's. */
import { header, optional } from "../header.ts";

export interface CreateAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
}
export const createAclRequestHeader = header<CreateAclRequestHeader>("CreateAclRequestHeader", {
  subject: optional.string,
});

export interface CreateUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const createUserRequestHeader = header<CreateUserRequestHeader>("CreateUserRequestHeader", {
  username: optional.string,
});

export interface DeleteAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
  /** CUSTOM or DEFAULT. */
  policyType?: string | undefined;
  /** `Topic:name`, `Group:name` or a pattern. */
  resource?: string | undefined;
}
export const deleteAclRequestHeader = header<DeleteAclRequestHeader>("DeleteAclRequestHeader", {
  subject: optional.string,
  policyType: optional.string,
  resource: optional.string,
});

export interface DeleteUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const deleteUserRequestHeader = header<DeleteUserRequestHeader>("DeleteUserRequestHeader", {
  username: optional.string,
});

export interface GetAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
}
export const getAclRequestHeader = header<GetAclRequestHeader>("GetAclRequestHeader", {
  subject: optional.string,
});

export interface GetUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const getUserRequestHeader = header<GetUserRequestHeader>("GetUserRequestHeader", {
  username: optional.string,
});

export interface ListAclsRequestHeader {
  /** Text that the subject contains. */
  subjectFilter?: string | undefined;
  /** Text that the resource contains. */
  resourceFilter?: string | undefined;
}
export const listAclsRequestHeader = header<ListAclsRequestHeader>("ListAclsRequestHeader", {
  subjectFilter: optional.string,
  resourceFilter: optional.string,
});

export interface ListUsersRequestHeader {
  /** Text that the name contains. */
  filter?: string | undefined;
}
export const listUsersRequestHeader = header<ListUsersRequestHeader>("ListUsersRequestHeader", {
  filter: optional.string,
});

export interface UpdateAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
}
export const updateAclRequestHeader = header<UpdateAclRequestHeader>("UpdateAclRequestHeader", {
  subject: optional.string,
});

export interface UpdateUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const updateUserRequestHeader = header<UpdateUserRequestHeader>("UpdateUserRequestHeader", {
  username: optional.string,
});
