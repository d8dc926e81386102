/** Memory of agents: spaces of documents that devices of the mesh share, or that are this device's alone. */
