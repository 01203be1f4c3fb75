export interface Department {
  weight: number
  name: string
  /** The head first, then the lead, then everyone else. */
  titles: readonly [string, string, string, ...string[]]
}

export const departments: readonly [Department, ...Department[]] = [
  {
    weight: 20,
    name: 'Sales',
    titles: [
      'Chief Sales Officer',
      'Regional Sales Manager',
      'Account Manager',
      'Sales Representative',
      'Inside Sales Specialist',
      'Sales Assistant',
    ],
  },
  {
    weight: 17,
    name: 'Engineering',
    titles: [
      'Chief Technology Officer',
      'Engineering Manager',
      'Software Engineer',
      'Senior Software Engineer',
      'Test Engineer',
      'Systems Architect',
    ],
  },
  {
    weight: 14,
    name: 'Customer Service',
    titles: [
      'Head of Customer Service',
      'Team Lead Service Desk',
      'Service Desk Agent',
      'Support Specialist',
      'Customer Advisor',
    ],
  },
  {
    weight: 12,
    name: 'Operations',
    titles: [
      'Chief Operating Officer',
      'Shift Manager',
      'Operator',
      'Technician',
      'Process Specialist',
    ],
  },
  {
    weight: 8,
    name: 'Logistics',
    titles: ['Head of Logistics', 'Warehouse Manager', 'Dispatcher', 'Warehouse Clerk', 'Driver'],
  },
  {
    weight: 7,
    name: 'Finance',
    titles: [
      'Chief Financial Officer',
      'Controller',
      'Accountant',
      'Accounts Payable Clerk',
      'Financial Analyst',
    ],
  },
  {
    weight: 6,
    name: 'Marketing',
    titles: [
      'Chief Marketing Officer',
      'Brand Manager',
      'Marketing Specialist',
      'Content Editor',
      'Designer',
    ],
  },
  {
    weight: 6,
    name: 'Information Technology',
    titles: [
      'Chief Information Officer',
      'IT Manager',
      'Systems Administrator',
      'Network Engineer',
      'Telephony Specialist',
    ],
  },
  {
    weight: 5,
    name: 'Human Resources',
    titles: [
      'Head of Human Resources',
      'HR Business Partner',
      'Recruiter',
      'Payroll Clerk',
      'HR Assistant',
    ],
  },
  {
    weight: 4,
    name: 'Research & Development',
    titles: ['Head of Research', 'Principal Scientist', 'Scientist', 'Laboratory Technician'],
  },
  {
    weight: 3,
    name: 'Procurement',
    titles: ['Head of Procurement', 'Category Manager', 'Buyer', 'Procurement Clerk'],
  },
  {
    weight: 3,
    name: 'Legal',
    titles: ['General Counsel', 'Senior Counsel', 'Counsel', 'Paralegal'],
  },
  {
    weight: 2,
    name: 'Facilities',
    titles: ['Head of Facilities', 'Site Manager', 'Receptionist', 'Caretaker'],
  },
]
